"""RENAME and SET SCHEMA: the old name is gone. Constraints and indexes are named by nobody's queries."""

from collections.abc import Iterator

from app.domain.hazard_rules.rule import Found, Rule, Scene
from app.domain.hazards import HazardCode
from app.domain.words import DEFAULT_SCHEMA, Stated, Words, shown

_NOT_IN_QUERIES = frozenset({"CONSTRAINT", "VALUE"})
_IN_NO_SCHEMA = frozenset({"ALTER SCHEMA", "ALTER DATABASE"})


def _judge(stated: Stated, scene: Scene) -> Iterator[Found]:
    words = stated.words
    at = words.skipping(len(stated.verb.split()), "IF", "EXISTS", "ONLY")
    name, at = words.name(at)
    at = _after_arguments(words, at)
    if not name or name in scene.created:
        return
    if stated.verb in _IN_NO_SCHEMA:
        name = name.removeprefix(f"{DEFAULT_SCHEMA}.")
    if words.begins("RENAME", at=at) and words.word(at + 1) not in _NOT_IN_QUERIES:
        yield _renamed(name, words.between(at + 1))
    elif words.begins("SET", "SCHEMA", at=at):
        schema = words.column(at + 2)
        yield Found(HazardCode.OBJECT_RENAMED, name, f"{shown(name)} moves into the schema {schema}.")


def _after_arguments(words: Words, at: int) -> int:
    """ALTER FUNCTION name (argument types), and the star after a table's name."""
    at = words.end_of_parentheses(at) if words.word(at) == "(" else at
    return words.skipping(at, "*")


def _renamed(name: str, words: Words) -> Found:
    if words.begins("TO"):
        return Found(HazardCode.OBJECT_RENAMED, name, f"{shown(name)} is called {words.column(1)} from then on.")
    at = words.skipping(0, "COLUMN", "ATTRIBUTE")
    old, new = words.column(at), words.column(at + 2)
    return Found(HazardCode.OBJECT_RENAMED, f"{name}.{old}", f"{shown(name)}.{old} is called {new} from then on.")


RULE = Rule(
    (
        "ALTER TABLE", "ALTER FOREIGN TABLE", "ALTER VIEW", "ALTER MATERIALIZED VIEW", "ALTER SEQUENCE", "ALTER TYPE",
        "ALTER DOMAIN", "ALTER SCHEMA", "ALTER FUNCTION", "ALTER PROCEDURE", "ALTER ROUTINE", "ALTER DATABASE",
        "ALTER AGGREGATE",
    ),
    _judge,
)  # fmt: skip
