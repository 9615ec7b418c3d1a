"""CREATE INDEX without CONCURRENTLY. ON ONLY, the frame of a partitioned index, holds no rows."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.words import Stated, shown


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    at = stated.words.find("ON")
    table, _ = stated.words.name(at + 1)
    if at >= 0 and not stated.words.begins("ONLY", at=at + 1) and table not in scene.created:
        happens = f"Nobody can write {shown(table)} while the index is built; reads go on."
        to_do = "Write CREATE INDEX CONCURRENTLY, in a migration of its own."
        yield Found(HazardCode.BLOCKS_WRITES, table, happens, to_do)


RULE = Rule(("CREATE INDEX",), _judge)
