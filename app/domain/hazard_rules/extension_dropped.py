"""DROP EXTENSION."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, dropped
from app.domain.hazards import HazardCode
from app.domain.words import Stated, shown


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    for name in dropped(stated):
        yield Found(HazardCode.EXTENSION_DROPPED, shown(name))


RULE = Rule(("DROP EXTENSION",), _judge)
