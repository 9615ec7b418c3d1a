"""What changing a column's type does to its values: kept in place, written anew, or made to fit.

Kept in place are the changes that PostgreSQL itself skips the rewrite for: ALTER TABLE, Notes, "binary coercible", and
the planner support functions of varchar, numeric and the times (https://www.postgresql.org/docs/15/sql-altertable.html).
"""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.words import Words, words_of


class Cast(StrEnum):
    IN_PLACE = "in_place"
    REWRITTEN = "rewritten"
    NARROWED = "narrowed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ColumnType:
    """`name` in one spelling; `limits` are length, or precision and scale; `array` any number of dimensions."""

    name: str
    limits: tuple[int, ...] = ()
    array: bool = False


_NAMES = {
    "int": "integer",
    "int4": "integer",
    "int2": "smallint",
    "int8": "bigint",
    "character varying": "varchar",
    "char varying": "varchar",
    "char": "character",
    "bpchar": "character",
    "decimal": "numeric",
    "dec": "numeric",
    "float4": "real",
    "float8": "double precision",
    "float": "double precision",
    "bool": "boolean",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
    "time with time zone": "timetz",
    "bit varying": "varbit",
    "serial": "integer",
    "bigserial": "bigint",
    "smallserial": "smallint",
}
_END_OF_TYPE = frozenset({
    "USING", "COLLATE", "NOT", "NULL", "DEFAULT", "CHECK", "UNIQUE", "PRIMARY", "REFERENCES", "CONSTRAINT",
    "GENERATED", "STORAGE", "COMPRESSION",
})  # fmt: skip
# Each holds every value of those before it.
_WIDER = (
    ("smallint", "integer", "bigint", "numeric"),
    ("smallint", "real", "double precision"),
    ("integer", "double precision"),
    ("date", "timestamp"),
    ("date", "timestamptz"),
    ("real", "double precision"),
    ("cidr", "inet"),
)
_WHOLE_NUMBERS = frozenset({"smallint", "integer", "bigint"})
_HOLDS_A_TIME = frozenset({"timestamp", "timestamptz"})
_HOLDS_A_DAY = frozenset({"date", "timestamptz"})
_LENGTHENED = frozenset({"varchar", "varbit"})
_TEXTS = frozenset({"varchar", "text", "character"})
_ONLY_BYTES = frozenset(
    {("varchar", "text"), ("text", "varchar"), ("cidr", "inet"), ("xml", "text"), ("xml", "varchar")}
)
_ROOMY = frozenset(
    {"text", "bigint", "numeric", "double precision", "timestamptz", "timestamp", "jsonb", "json", "bytea"}
)
_TIMES = frozenset({"timestamp", "timestamptz", "time", "timetz", "interval"})
_EVERY_DIGIT = 6


def type_of(text: str) -> ColumnType:
    return read_type(words_of(text))


def read_type(words: Words) -> ColumnType:
    """The type that `words` begin with, up to a constraint, USING or the end."""
    name: list[str] = []
    limits: tuple[int, ...] = ()
    at, array = 0, False
    while at < len(words) and words.word(at) not in _END_OF_TYPE:
        word = words.word(at)
        if word == "(":
            end = words.end_of_parentheses(at)
            limits = tuple(int(one) for one in words.raw[at:end] if one.isascii() and one.isdigit())
            at = end
            continue
        array = array or word in ("[", "ARRAY")
        if word not in ("[", "]", "ARRAY") and not word.isdigit():
            name.append(words.raw[at])
        at += 1
    spelled = " ".join(name).lower().replace(" . ", ".").removeprefix("pg_catalog.")
    plain = _NAMES.get(spelled, spelled)
    if plain == "character" and not limits:
        limits = (1,)
    return ColumnType(plain, limits, array)


def cast_between(old: ColumnType, new: ColumnType) -> Cast:
    if old == new:
        return Cast.IN_PLACE
    if old.array != new.array:
        return Cast.UNKNOWN
    if old.name == new.name:
        return _within(old, new)
    if (old.name, new.name) in _ONLY_BYTES:
        return Cast.NARROWED if new.limits else Cast.IN_PLACE
    if new.name in _TEXTS:
        # everything has a text; with a length it may be cut off
        return Cast.NARROWED if new.limits else Cast.REWRITTEN
    if {old.name, new.name} == _HOLDS_A_TIME:
        return Cast.NARROWED if _digits(new) < _digits(old) else Cast.REWRITTEN
    return _across(old, new)


def fails_or_keeps(old: ColumnType, new: ColumnType) -> bool:
    """Whether the cast refuses each value that it would make another one of."""
    if {old.name, new.name} <= _WHOLE_NUMBERS:
        return old.array == new.array
    if old.name != "numeric" or new.name != "numeric" or old.array != new.array or not old.limits or not new.limits:
        return False
    return _precision(new)[1] >= _precision(old)[1]


def depends_on_zone(old: ColumnType, new: ColumnType) -> bool:
    """Whether the cast reads a clock on the wall: an hour comes twice in autumn, and one in spring never.

    Where the zone is UTC both are the same bytes, and PostgreSQL does not write the table anew.
    """
    return {old.name, new.name} == _HOLDS_A_TIME or is_another_day(old, new)


def is_another_day(old: ColumnType, new: ColumnType) -> bool:
    """Whether the cast there and the one back make another day of it where their zones differ."""
    return {old.name, new.name} == _HOLDS_A_DAY


def makes_anew(words: Words, column: str) -> bool:
    """Of a type and what stands behind it: whether USING is anything but the column itself, or a cast of it to just
    that type."""
    at = words.find("USING")
    if at < 0:
        return False
    made = _bare(words.between(at + 1))
    if made.begins("CAST"):
        made = _bare(made.between(1))
        cast = made.between(2) if made.word(1) == "AS" else None
    else:
        # the lexer tells `::` apart or as two words
        cast = made.between(made.skipping(1, ":", ":", "::"))
    if made.column(0) != column or cast is None:
        return True
    return len(made) > 1 and read_type(cast) != read_type(words)


def may_narrow(new: ColumnType) -> bool:
    """Whether there are values, of a type that is not known, that `new` cannot hold."""
    return bool(new.limits) or new.name not in _ROOMY


def _bare(words: Words) -> Words:
    while words.begins("(") and words.end_of_parentheses(0) == len(words):
        words = words.between(1, len(words) - 1)
    return words


def _within(old: ColumnType, new: ColumnType) -> Cast:
    """Between two of one name, with other limits; none at all means as much as there is."""
    if old.name == "numeric":
        return _numeric(old, new)
    if old.name in _TIMES:
        return Cast.NARROWED if _digits(new) < _digits(old) else Cast.IN_PLACE
    shorter = bool(new.limits) and (not old.limits or new.limits < old.limits)
    if shorter:
        return Cast.NARROWED
    return Cast.IN_PLACE if old.name in _LENGTHENED else Cast.REWRITTEN


def _numeric(old: ColumnType, new: ColumnType) -> Cast:
    if not new.limits:
        return Cast.IN_PLACE
    if not old.limits:
        return Cast.NARROWED
    before, after = _precision(old), _precision(new)
    whole_before, whole_after = before[0] - before[1], after[0] - after[1]
    if after[1] < before[1] or whole_after < whole_before:
        return Cast.NARROWED
    return Cast.IN_PLACE if after[1] == before[1] else Cast.REWRITTEN


def _precision(numeric: ColumnType) -> tuple[int, int]:
    return numeric.limits[0], numeric.limits[1] if len(numeric.limits) > 1 else 0


def _digits(time: ColumnType) -> int:
    return time.limits[0] if time.limits else _EVERY_DIGIT


def _across(old: ColumnType, new: ColumnType) -> Cast:
    for chain in _WIDER:
        if old.name in chain and new.name in chain:
            return Cast.REWRITTEN if chain.index(old.name) < chain.index(new.name) and not new.limits else Cast.NARROWED
    known = {name for chain in _WIDER for name in chain} | _TEXTS
    return Cast.NARROWED if old.name in known and new.name in known else Cast.UNKNOWN
