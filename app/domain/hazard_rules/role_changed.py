"""Roles and their memberships: they belong to the server, not to the database."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.words import Stated

_OWNED = ("REASSIGN OWNED", "DROP OWNED BY")


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    words = stated.words
    if stated.verb in ("GRANT", "REVOKE"):
        if not words.has("ON"):
            yield Found(HazardCode.ROLE_CHANGED, words.column(1))
        return
    at = words.find("BY") + 1 if stated.verb in _OWNED else words.skipping(2, "IF", "EXISTS")
    yield Found(HazardCode.ROLE_CHANGED, words.column(at))


RULE = Rule(
    (*(f"{verb} {noun}" for verb in ("CREATE", "ALTER", "DROP") for noun in ("ROLE", "USER", "GROUP")),
     *_OWNED, "GRANT", "REVOKE"),
    _judge,
)  # fmt: skip
