"""What a script may destroy, as far as its text tells: most scripts cannot, and nobody looks after those.

Everything that is not known to be harmless may destroy something: code in DO, in a function or in Python says
nothing of what it does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from app.domain.migration import Body, PythonScript, SqlScript
from app.domain.step import Deed, Step
from app.domain.words import Stated, Words

_UPSERT = re.compile(r"\bDO\s+UPDATE\b|\bWITH\b", re.IGNORECASE)
_BEFORE_VALUES = re.compile(r"\b(?:VALUES|SELECT|TABLE|DEFAULT)\b", re.IGNORECASE)
_CALL = re.compile(r"""((?<![\w$])[^\W\d][\w$]*|")\s*\(""")
_CALLS_NOBODY = frozenset({
    "values", "in", "and", "or", "not", "as", "on", "from", "join", "lateral", "where", "select", "exists", "any",
    "all", "when", "then", "else", "over", "filter", "union", "except", "using", "row", "conflict", "returning",
    "array", "cast", "coalesce", "nullif", "greatest", "least", "extract", "now", "clock_timestamp", "date_trunc",
    "make_interval", "gen_random_uuid", "random", "md5", "decode", "encode", "nextval", "currval", "generate_series",
    "unnest", "count", "sum", "min", "max", "row_number", "lower", "upper", "length", "trim", "left", "right", "substr",
    "substring", "replace", "concat", "repeat", "format", "chr", "round", "floor", "jsonb_build_object", "to_jsonb",
    "char", "varchar", "numeric", "timestamp", "timestamptz", "interval",
})  # fmt: skip
"""What stands before a parenthesis in an INSERT and calls nothing of somebody's own; of the server's own, the usual."""
_HARMLESS = frozenset({
    "COMMENT ON", "GRANT", "REVOKE", "SECURITY LABEL", "REINDEX", "CLUSTER", "ANALYZE", "LOCK", "SET", "RESET", "SHOW",
    "REFRESH MATERIALIZED VIEW", "NOTIFY", "CHECKPOINT",
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


@dataclass(frozen=True, slots=True)
class Drops:
    """What the DROP TABLE and DROP SCHEMA of a script name; tables with their schemas."""

    tables: tuple[str, ...]
    schemas: tuple[str, ...]


def may_lose(step: Step) -> bool:
    """Whether rows, columns or positions of sequences may be gone after the step; False is proven by its text."""
    return step.deed is Deed.EXECUTED and _may_lose(step.body)


def is_repeatable(step: Step) -> bool:
    """Whether the step may be tried out before it is carried out for good."""
    return not isinstance(step.body, PythonScript) or step.body.repeatable


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
    return Drops(tuple(named["TABLE"]), tuple(name.partition(".")[2] for name in named["SCHEMA"]))


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


def _statement_may_lose(stated: Stated) -> bool:
    verb = stated.verb
    first = verb.split()[0] if verb else ""
    match first:
        case "CREATE":
            return _creates_by_query(stated)
        case "ALTER":
            return _alters_away(stated)
        case "DROP":
            return _drops_rows(verb, stated.words)
        case "INSERT":
            return _UPSERT.search(stated.statement.text) is not None or _calls(stated.statement.text)
        case "VALUES":
            return _calls(stated.statement.text)
        case _:
            return verb not in _HARMLESS and first not in _HARMLESS


def _calls(text: str) -> bool:
    """Whether a function may be called that is not known; a value that looks like a call is taken for one."""
    start = _BEFORE_VALUES.search(text)
    calls = _CALL.finditer(text, start.start() if start else 0)
    return any(call[1].lower() not in _CALLS_NOBODY for call in calls)


def _creates_by_query(stated: Stated) -> bool:
    """What a query calls may do anything."""
    return stated.verb in ("CREATE EXTENSION", "CREATE SCHEMA") or (
        stated.verb in ("CREATE TABLE", "CREATE MATERIALIZED VIEW") and stated.words.has_at_top("AS")
    )


def _alters_away(stated: Stated) -> bool:
    if stated.verb == "ALTER TABLE":
        return any(_takes_away(action) for action in stated.altered.actions)
    return stated.verb == "ALTER EXTENSION" or (stated.verb == "ALTER TYPE" and stated.words.has("ATTRIBUTE"))


def _takes_away(action: Words) -> bool:
    if action.begins("DROP"):
        return action.word(1) != "CONSTRAINT"
    if action.begins("ALTER"):
        at = action.skipping(1, "COLUMN") + 1
        takes = (("TYPE",), ("SET", "DATA", "TYPE"), ("DROP", "IDENTITY"))
        return any(action.begins(*one, at=at) for one in takes)
    return False


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
