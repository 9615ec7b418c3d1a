"""DROP TABLE of a table that stood before this plan."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, dropped
from app.domain.hazards import HazardCode
from app.domain.words import Stated


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for table in dropped(stated):
        if table not in scene.created:
            yield Found(HazardCode.TABLE_DROPPED, table)


RULE = Rule(("DROP TABLE", "DROP FOREIGN TABLE"), _judge)
