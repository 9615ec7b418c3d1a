"""TRUNCATE of a table that stood before this plan."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.words import Stated


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for table in stated.words.names(stated.words.skipping(1, "TABLE")):
        if table not in scene.created:
            yield Found(HazardCode.ROWS_REMOVED, table, to_do="Write DELETE with WHERE where not all are meant.")


RULE = Rule(("TRUNCATE",), _judge)
