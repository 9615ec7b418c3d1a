"""SECURITY DEFINER without a search_path of its own (CREATE FUNCTION, Writing SECURITY DEFINER Functions Safely)."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.words import Stated

_SPELLINGS = ("SEARCH_PATH", '"search_path"')


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    words = stated.words
    if words.has("SECURITY", "DEFINER") and not any(words.has("SET", spelling) for spelling in _SPELLINGS):
        at = words.skipping(1, "OR", "REPLACE") + 1
        yield Found(HazardCode.UNSAFE_DEFINER, words.name(at)[0])


RULE = Rule(
    (
        "CREATE FUNCTION", "CREATE PROCEDURE", "ALTER FUNCTION", "ALTER PROCEDURE", "ALTER ROUTINE",
    ),
    _judge,
)  # fmt: skip
