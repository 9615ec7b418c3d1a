"""DROP of a type, a sequence, a database and the like."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, dropped
from app.domain.hazards import HazardCode, Risk
from app.domain.words import Stated, shown

_WITHOUT_A_NAME = ("DROP CAST", "DROP OPERATOR", "DROP OPERATOR CLASS", "DROP OPERATOR FAMILY")
_HOLDS_EVERYTHING = "DROP DATABASE"


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    risk = Risk.HIGH if stated.verb == _HOLDS_EVERYTHING else None
    if stated.verb in _WITHOUT_A_NAME:
        yield Found(HazardCode.OBJECT_DROPPED, " ".join(stated.words.raw[1:]))
        return
    for name in dropped(stated):
        if name not in scene.created:
            yield Found(HazardCode.OBJECT_DROPPED, shown(name), risk=risk)


RULE = Rule(
    (
        *_WITHOUT_A_NAME, "DROP TYPE", "DROP DOMAIN", "DROP SEQUENCE", _HOLDS_EVERYTHING, "DROP TABLESPACE",
        "DROP SERVER",
        "DROP FOREIGN DATA WRAPPER", "DROP COLLATION", "DROP LANGUAGE", "DROP PUBLICATION", "DROP SUBSCRIPTION",
        "DROP TEXT SEARCH CONFIGURATION", "DROP TEXT SEARCH DICTIONARY",
    ),
    _judge,
)  # fmt: skip
