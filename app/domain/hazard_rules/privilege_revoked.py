"""REVOKE of a privilege; of a role's membership too."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode, Risk
from app.domain.words import Stated


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    words = stated.words
    if not words.has("REVOKE"):
        return
    start, end = words.find("ON"), words.find("FROM")
    revoked = " ".join(words.raw[start + 1 : end]).replace(" . ", ".") if 0 <= start < end else ""
    # taking from everybody what everybody has by default is what careful people do
    risk = Risk.LOW if "PUBLIC" in words.upper[end:] else None
    yield Found(HazardCode.PRIVILEGE_REVOKED, revoked, risk=risk)


RULE = Rule(("REVOKE", "ALTER DEFAULT PRIVILEGES"), _judge)
