"""CREATE TRIGGER on a table that is in use."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode, Risk
from app.domain.words import Stated

_HAPPENS = "Nobody can write the table until the migration has ended, and every change runs the trigger afterwards."
_TO_DO = "Put it into a migration of its own that does nothing slow."


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    table, _ = stated.words.name(stated.words.find("ON") + 1)
    if table not in scene.created:
        yield Found(HazardCode.BLOCKS_WRITES, table, _HAPPENS, _TO_DO, Risk.LOW)


RULE = Rule(("CREATE TRIGGER",), _judge)
