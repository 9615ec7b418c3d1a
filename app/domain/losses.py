"""What a script may destroy, as far as its text tells: most scripts cannot, and nobody looks after those.

Everything that is not known to be harmless may destroy something: code in DO, in a function or in Python says
nothing of what it does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from app.domain.calls import calls, values_call
from app.domain.casts import makes_anew
from app.domain.migration import Body, PythonScript, SqlScript
from app.domain.step import Deed, Step
from app.domain.words import Stated, Words, schema_of, stated_in

_UPSERT = re.compile(r"\bDO\s+UPDATE\b|\bWITH\b", re.IGNORECASE)
_HARMLESS = frozenset({
    "COMMENT ON", "GRANT", "REVOKE", "SECURITY LABEL", "REINDEX", "CLUSTER", "ANALYZE", "LOCK", "SET", "RESET", "SHOW",
    "NOTIFY", "CHECKPOINT",
})  # fmt: skip
_HOLDS_ROWS = frozenset({"TABLE", "SCHEMA", "SEQUENCE", "EXTENSION", "OWNED", "TYPE", "DOMAIN"})
_WRITES = {"UPDATE": 1, "DELETE": 2, "TRUNCATE": 1, "MERGE": 2}
"""The verbs that change rows, and after how many words the table stands."""

_DROPS = frozenset(
    f"DROP {kind}"
    for kind in (
        "TABLE", "SCHEMA", "INDEX", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "TYPE", "DOMAIN", "FUNCTION", "PROCEDURE",
        "ROUTINE", "TRIGGER", "POLICY", "RULE", "STATISTICS",
    )
)  # fmt: skip
_OF_TABLES = frozenset({"INDEX", "TRIGGER", "POLICY", "RULE", "STATISTICS", "FUNCTION", "ROUTINE"})

_LOOKS = frozenset({"SEARCH_PATH", "DATESTYLE", "INTERVALSTYLE", "EXTRA_FLOAT_DIGITS", "LC_MONETARY"})
"""Settings by which a name leads elsewhere, or a value is another text."""


@dataclass(frozen=True, slots=True)
class Drops:
    """What the DROP TABLE and DROP SCHEMA of a script name; tables with their schemas.

    `parts_too`: it names indexes, triggers, functions or a shape, perhaps those of one of these tables.
    """

    tables: tuple[str, ...]
    schemas: tuple[str, ...]
    parts_too: bool = False

    def name(self, table: str) -> bool:
        """Whether `table` goes by its own name, or by that of its schema."""
        return table in self.tables or schema_of(table) in self.schemas


def may_lose(step: Step) -> bool:
    """Whether rows, columns or positions of sequences may be gone after the step; False is proven by its text."""
    return step.deed is Deed.EXECUTED and _may_lose(step.body)


def is_repeatable(step: Step) -> bool:
    """Whether the step may be tried out before it is carried out for good."""
    return not isinstance(step.body, PythonScript) or step.body.repeatable


def only_casts(step: Step) -> bool:
    """Whether columns get another type by nothing but its cast, and each once; True is proven by the step's text."""
    return isinstance(step.body, SqlScript) and _only_casts(step.body)


def rows_written(step: Step) -> tuple[tuple[str, str], ...]:
    """The tables whose rows the script's own statements delete or overwrite, with their schemas, and by which verb."""
    if not isinstance(step.body, SqlScript):
        return ()
    return tuple(dict.fromkeys(_written(step.body)))


def drops_of(step: Step) -> Drops | None:
    """Of a script that only drops, makes empty tables and comments; None of any other, for it may read rows."""
    if not isinstance(step.body, SqlScript):
        return None
    stated = [Stated(one, at) for at, one in enumerate(step.body.parsed.statements)]
    if not all(_reads_no_rows(one) for one in stated):
        return None
    named: dict[str, list[str]] = {"TABLE": [], "SCHEMA": []}
    for one in stated:
        kind = one.verb.removeprefix("DROP ")
        if kind in named:
            named[kind] += one.words.names(one.words.skipping(2, "IF", "EXISTS"))
    parts_too = any(_names_parts(one) for one in stated)
    return Drops(tuple(named["TABLE"]), tuple(name.partition(".")[2] for name in named["SCHEMA"]), parts_too)


def _names_parts(stated: Stated) -> bool:
    return stated.verb.removeprefix("DROP ") in _OF_TABLES or stated.words.has("LIKE")


def _reads_no_rows(stated: Stated) -> bool:
    creates_empty = stated.verb == "CREATE TABLE" and not stated.words.has_at_top("AS")
    return creates_empty or stated.verb in _DROPS or stated.verb == "COMMENT ON"


@lru_cache(maxsize=4096)
def _may_lose(body: Body | None) -> bool:
    match body:
        case SqlScript() as script:
            return any(_statement_may_lose(Stated(one, at)) for at, one in enumerate(script.parsed.statements))
        case PythonScript():
            return True
        case None:
            return False


@lru_cache(maxsize=4096)
def _only_casts(script: SqlScript) -> bool:
    """Two casts in a row may make another value of one that the first and the last type both hold."""
    retyped: list[tuple[str, str]] = []
    for stated in stated_in(script):
        if stated.verb == "ALTER TABLE":
            if any(
                one.begins("RENAME") or _makes_values(one) or _calls_for_rows(one) for one in stated.altered.actions
            ):
                return False
            retyped += [(stated.altered.table, one) for one in map(_retyped, stated.altered.actions) if one]
        elif not _hides_nothing(stated):
            return False
    return len(retyped) == len(set(retyped))


def _retyped(action: Words) -> str | None:
    """The column that it gives another type."""
    at = action.skipping(1, "COLUMN")
    is_type = any(action.begins(*one, at=at + 1) for one in (("TYPE",), ("SET", "DATA", "TYPE")))
    return action.column(at) if action.begins("ALTER") and is_type else None


def _makes_values(action: Words) -> bool:
    column = _retyped(action)
    return action.has("USING") and (column is None or makes_anew(action.between(action.find("TYPE") + 1), column))


def _hides_nothing(stated: Stated) -> bool:
    if _LOOKS & set(stated.words.upper):
        return False
    if stated.verb in _WRITES:
        return not calls(stated.words)
    return stated.verb.startswith("DROP ") or not _statement_may_lose(stated)


def _statement_may_lose(stated: Stated) -> bool:
    verb = stated.verb
    first = verb.split()[0] if verb else ""
    match first:
        case "CREATE":
            return _creates_by_calls(stated)
        case "ALTER":
            return _alters_away(stated)
        case "DROP":
            return _drops_rows(verb, stated.words)
        case "INSERT":
            return _UPSERT.search(stated.statement.text) is not None or values_call(stated.statement.text)
        case "VALUES":
            return values_call(stated.statement.text)
        case _:
            return verb not in _HARMLESS and first not in _HARMLESS


def _creates_by_calls(stated: Stated) -> bool:
    """What a query calls, or an index for each row, or the bounds of a partition, may do anything."""
    words = stated.words
    match stated.verb:
        case "CREATE EXTENSION" | "CREATE SCHEMA":
            return True
        case "CREATE TABLE":
            return words.has_at_top("AS") or _calls_from(words, "VALUES")
        case "CREATE MATERIALIZED VIEW":
            return words.has_at_top("AS")
        case "CREATE INDEX":
            return _calls_from(words, "(")
        case _:
            return False


def _alters_away(stated: Stated) -> bool:
    match stated.verb:
        case "ALTER TABLE":
            return any(_takes_away(action) or _calls_for_rows(action) for action in stated.altered.actions)
        case "ALTER DOMAIN":
            return _calls_from(stated.words, "CHECK") or stated.words.has("VALIDATE", "CONSTRAINT")
        case "ALTER TYPE":
            return stated.words.has("ATTRIBUTE")
        case "ALTER SEQUENCE":
            return stated.words.has("RESTART")
        case verb:
            return verb == "ALTER EXTENSION"


def _takes_away(action: Words) -> bool:
    if action.begins("DROP"):
        return action.word(1) != "CONSTRAINT"
    if action.begins("ALTER"):
        at = action.skipping(1, "COLUMN") + 1
        takes = (("TYPE",), ("SET", "DATA", "TYPE"), ("SET", "EXPRESSION"), ("DROP", "IDENTITY"))
        return any(action.begins(*one, at=at) for one in takes) or "RESTART" in action.upper[at:]
    return False


def _calls_for_rows(action: Words) -> bool:
    """What is worked out or held against a condition for the rows that stand may call anything."""
    if action.begins("VALIDATE"):
        # whose condition, if it is a CHECK's, stands elsewhere
        return True
    if action.begins("ADD"):
        return any(_calls_from(action, one) for one in ("DEFAULT", "GENERATED", "CHECK", "EXCLUDE"))
    return action.begins("ATTACH") and _calls_from(action, "VALUES")


def _calls_from(words: Words, first: str) -> bool:
    at = words.find(first)
    return at >= 0 and calls(words.between(at))


def _drops_rows(verb: str, words: Words) -> bool:
    return verb.split()[1:2] == [] or verb.split()[1] in _HOLDS_ROWS or words.has("CASCADE")


def _written(script: SqlScript) -> Iterator[tuple[str, str]]:
    for at, statement in enumerate(script.parsed.statements):
        stated = Stated(statement, at)
        skipped = _WRITES.get(stated.verb)
        if skipped is None:
            continue
        words = stated.words
        start = words.skipping(skipped, "TABLE")
        if stated.verb == "TRUNCATE":
            yield from ((name, stated.verb) for name in words.names(start))
        else:
            yield words.name(words.skipping(start, "ONLY"))[0], stated.verb
