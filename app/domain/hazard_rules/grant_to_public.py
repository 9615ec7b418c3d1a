"""GRANT … TO PUBLIC, also as a default privilege."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.words import Stated, Words


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    words = stated.words
    at = words.find("TO")
    if words.has("GRANT") and at >= 0 and "PUBLIC" in words.upper[at:]:
        yield Found(HazardCode.GRANT_TO_PUBLIC, _granted(words, at))


def _granted(words: Words, end: int) -> str:
    """What stands between ON and TO, as written."""
    start = words.find("ON")
    return " ".join(words.raw[start + 1 : end]).replace(" . ", ".") if 0 <= start < end else ""


RULE = Rule(("GRANT", "ALTER DEFAULT PRIVILEGES"), _judge)
