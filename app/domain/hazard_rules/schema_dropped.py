"""DROP SCHEMA."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, dropped
from app.domain.hazards import HazardCode
from app.domain.words import Stated, shown


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for schema in dropped(stated):
        yield Found(HazardCode.SCHEMA_DROPPED, shown(schema))


RULE = Rule(("DROP SCHEMA",), _judge)
