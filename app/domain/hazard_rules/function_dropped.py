"""DROP FUNCTION; when the script makes it again, its signature is what is at stake."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene, function_key
from app.domain.hazards import HazardCode
from app.domain.words import Stated, Words

_CREATES = ("CREATE FUNCTION", "CREATE PROCEDURE", "CREATE AGGREGATE")


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    made = {_created(later.words) for later in scene.later(stated) if later.verb in _CREATES}
    for name in _dropped(stated.words):
        if function_key(name) in scene.created:
            continue
        yield Found(HazardCode.FUNCTION_CHANGED if name in made else HazardCode.FUNCTION_DROPPED, name)


def _dropped(words: Words) -> Iterator[str]:
    """Names, each perhaps with the types of its arguments."""
    at = words.skipping(2, "IF", "EXISTS")
    while at < len(words):
        name, at = words.name(at)
        if name:
            yield name
        if words.word(at) == "(":
            at = words.end_of_parentheses(at)
        if words.word(at) != ",":
            return
        at += 1


def _created(words: Words) -> str:
    return words.name(words.skipping(1, "OR", "REPLACE") + 1)[0]


RULE = Rule(("DROP FUNCTION", "DROP PROCEDURE", "DROP ROUTINE", "DROP AGGREGATE"), _judge)
