"""DROP of a type, a sequence, a database and the like."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, dropped
from app.domain.hazards import HazardCode, Risk
from app.domain.words import Stated, shown

_HOLDS_EVERYTHING = "DROP DATABASE"


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    risk = Risk.HIGH if stated.verb == _HOLDS_EVERYTHING else None
    for name in dropped(stated):
        yield Found(HazardCode.OBJECT_DROPPED, shown(name), risk=risk)


RULE = Rule(
    (
        "DROP TYPE", "DROP DOMAIN", "DROP SEQUENCE", _HOLDS_EVERYTHING, "DROP TABLESPACE", "DROP SERVER",
        "DROP FOREIGN DATA WRAPPER", "DROP COLLATION", "DROP LANGUAGE", "DROP PUBLICATION", "DROP SUBSCRIPTION",
        "DROP TEXT SEARCH CONFIGURATION", "DROP TEXT SEARCH DICTIONARY",
    ),
    _judge,
)  # fmt: skip
