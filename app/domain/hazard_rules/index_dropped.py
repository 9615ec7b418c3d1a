"""DROP INDEX without CONCURRENTLY: ACCESS EXCLUSIVE on its table, behind which every query queues."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, dropped
from app.domain.hazards import HazardCode, Risk
from app.domain.words import Stated

_HAPPENS = "Nobody can read or write its table from then on until the migration has ended."
_TO_DO = "Write DROP INDEX CONCURRENTLY, in a migration of its own."


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for index in dropped(stated):
        if index not in scene.created:
            yield Found(HazardCode.BLOCKS_READS, index, _HAPPENS, _TO_DO, Risk.MEDIUM)


RULE = Rule(("DROP INDEX",), _judge)
