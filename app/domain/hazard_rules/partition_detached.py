"""DETACH PARTITION without CONCURRENTLY: ACCESS EXCLUSIVE on the partitioned table."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, actions
from app.domain.hazards import HazardCode, Risk
from app.domain.words import Stated, shown

_TO_DO = "Write DETACH PARTITION … CONCURRENTLY, in a migration of its own."


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for table, action in actions(stated, scene):
        if action.begins("DETACH", "PARTITION"):
            happens = f"Nobody can read or write {shown(table)} from then on until the migration has ended."
            yield Found(HazardCode.BLOCKS_READS, table, happens, _TO_DO, Risk.MEDIUM)


RULE = Rule(("ALTER TABLE",), _judge)
