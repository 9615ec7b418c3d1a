"""ALTER SYSTEM."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.words import Stated


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    yield Found(HazardCode.SERVER_SETTING, " ".join(stated.words.raw[3:4]))


RULE = Rule(("ALTER SYSTEM",), _judge)
