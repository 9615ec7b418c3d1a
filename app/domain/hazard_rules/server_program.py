"""COPY … PROGRAM."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.words import Stated


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    words = stated.words
    if words.has("FROM", "PROGRAM") or words.has("TO", "PROGRAM"):
        yield Found(HazardCode.SERVER_PROGRAM, words.name(1)[0])


RULE = Rule(("COPY",), _judge)
