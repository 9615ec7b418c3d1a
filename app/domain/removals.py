"""What the statements of a plan take away: tables, columns and rows, as far as their text or a dry run says.

What is taken is found in the target afterwards: which tables a CASCADE reaches, how many rows there are, and by what
they could be found again. What the plan has made itself is no loss; names are those that stood before the plan.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.dry_run import Effect
from app.domain.hazard_rules.rule import dropped, written_rows
from app.domain.hazard_rules.type_changed import retyped
from app.domain.hazards import FoundBy, HazardCode
from app.domain.words import Stated, Words, folded, schema_of, shown, words_of

LARGE_OBJECTS = "large objects"
_UNLINKS = re.compile(r"\b(?:lo_unlink|lo_put|lo_truncate(?:64)?|lowrite)\b", re.IGNORECASE)
_END_OF_SET = frozenset({"FROM", "WHERE", "RETURNING", "WHEN"})
_UPSERT = re.compile(r"\bDO\s+UPDATE\s+SET\b", re.IGNORECASE)


class Act(StrEnum):
    """What becomes of it."""

    DROPPED = "dropped"
    RETYPED = "retyped"
    DELETED = "deleted"
    TRUNCATED = "truncated"
    OVERWRITTEN = "overwritten"
    UNLINKED = "unlinked"


class Noun(StrEnum):
    """What is named; a relation may be a table, a sequence or anything else in pg_class."""

    RELATION = "relation"
    SCHEMA = "schema"
    TYPE = "type"
    EXTENSION = "extension"
    ROLE = "role"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Taken:
    """One act on one thing, as the statement names it. `columns`: () is the whole, or nobody knows which.

    `every_row`: there is no condition. `only`: not what inherits from it. `cascade`: what refers to its rows too.
    `type`: of RETYPED, the new one, with what stands behind it; `made`: the plan itself has made that type.
    """

    act: Act
    name: str
    noun: Noun = Noun.RELATION
    columns: tuple[str, ...] = ()
    every_row: bool = True
    only: bool = False
    cascade: bool = False
    type: str = ""
    made: bool = False


@dataclass(frozen=True, slots=True)
class Removal:
    """`migration` takes it, by the statement `statement` (from 0) in `line` of `file`; None: only a dry run saw it.

    `apart`: outside a transaction.
    """

    taken: Taken
    migration: str
    file: str
    statement: int | None
    line: int | None
    apart: bool = False

    @property
    def found_by(self) -> FoundBy:
        return FoundBy.DRY_RUN if self.statement is None else FoundBy.FILE


@dataclass(slots=True)
class Names:
    """What tables were called before the plan, by the names that it has given them."""

    before: dict[str, str] = field(default_factory=dict)

    def original(self, name: str) -> str:
        return self.before.get(name, name)

    def pass_over(self, stated: Stated) -> None:
        if stated.verb != "ALTER TABLE":
            return
        table = stated.altered.table
        for action in stated.altered.actions:
            if action.begins("RENAME", "TO"):
                self.before[f"{schema_of(table)}.{action.column(2)}"] = self.before.pop(table, table)
            elif action.begins("SET", "SCHEMA"):
                self.before[f"{action.column(2)}.{table.partition('.')[2]}"] = self.before.pop(table, table)


def taken_by(stated: Stated) -> Iterator[Taken]:
    """Each thing once that the statement takes away."""
    yield from dict.fromkeys(_taken_by(stated))


def taken_in(effect: Effect) -> Taken | None:
    """What a step was seen to take away; None for a danger of another kind."""
    code, name = effect.code, effect.object
    match code:
        case HazardCode.TABLE_DROPPED:
            return Taken(Act.DROPPED, name)
        case HazardCode.SCHEMA_DROPPED:
            return Taken(Act.DROPPED, name, Noun.SCHEMA)
        case HazardCode.COLUMN_DROPPED:
            return Taken(Act.DROPPED, effect.of, columns=(_column(effect),))
        case HazardCode.TYPE_NARROWED if effect.of:
            return Taken(Act.RETYPED, effect.of, columns=(_column(effect),))
        case HazardCode.ROWS_REMOVED:
            return Taken(Act.DELETED, name)
        case HazardCode.ALL_ROWS_CHANGED:
            return Taken(Act.OVERWRITTEN, name)
        case _:
            return None


def _column(effect: Effect) -> str:
    return effect.object.removeprefix(f"{effect.of}.")


def _taken_by(stated: Stated) -> Iterator[Taken]:
    found = _BY_VERB.get(stated.verb)
    if found is not None:
        yield from found(stated)
    if stated.verb in ("DELETE", "UPDATE", "WITH", "INSERT"):
        yield from _written(stated)
    if _UNLINKS.search(stated.statement.text) and any(_UNLINKS.fullmatch(word) for word in stated.words.raw):
        yield Taken(Act.UNLINKED, LARGE_OBJECTS, Noun.NOTHING)


def _relations(stated: Stated) -> Iterator[Taken]:
    return (Taken(Act.DROPPED, name) for name in dropped(stated))


def _types(stated: Stated) -> Iterator[Taken]:
    # without CASCADE nothing goes with it
    names = dropped(stated) if _cascades(stated) else ()
    return (Taken(Act.DROPPED, name, Noun.TYPE) for name in names)


def _schemas(stated: Stated) -> Iterator[Taken]:
    names = dropped(stated) if _cascades(stated) else ()
    return (Taken(Act.DROPPED, shown(name), Noun.SCHEMA) for name in names)


def _extensions(stated: Stated) -> Iterator[Taken]:
    return (Taken(Act.DROPPED, shown(name), Noun.EXTENSION) for name in dropped(stated))


def _owned(stated: Stated) -> Iterator[Taken]:
    return (Taken(Act.DROPPED, shown(name), Noun.ROLE) for name in stated.words.names(3))


def _altered(stated: Stated) -> Iterator[Taken]:
    table = stated.altered.table
    for action in stated.altered.actions:
        if action.begins("DROP") and action.word(1) != "CONSTRAINT":
            column = action.column(action.skipping(1, "COLUMN", "IF", "EXISTS"))
            yield Taken(Act.DROPPED, table, columns=(column,))
        elif (found := retyped(action)) is not None:
            column, rest = found
            yield Taken(Act.RETYPED, table, columns=(column,), type=" ".join(rest.raw))


def _truncated(stated: Stated) -> Iterator[Taken]:
    words = stated.words
    start = words.skipping(1, "TABLE")
    cascade, only = _cascades(stated), words.has("ONLY")
    return (Taken(Act.TRUNCATED, name, cascade=cascade, only=only) for name in words.names(start))


def _cascades(stated: Stated) -> bool:
    return stated.words.word(len(stated.words) - 1) == "CASCADE"


def _merged(stated: Stated) -> Iterator[Taken]:
    words = stated.words
    name = words.name(words.skipping(words.skipping(0, "MERGE", "INTO"), "ONLY"))[0]
    if words.has("THEN", "DELETE"):
        yield Taken(Act.DELETED, name, every_row=False, cascade=True)
    at = words.find("THEN", "UPDATE", "SET")
    if at >= 0:
        yield Taken(Act.OVERWRITTEN, name, columns=_set_columns(words.between(at + 3)), every_row=False)


def _written(stated: Stated) -> Iterator[Taken]:
    words = stated.words
    for _, rest in written_rows(words, "DELETE", "FROM"):
        at = rest.skipping(0, "ONLY")
        yield Taken(Act.DELETED, rest.name(at)[0], every_row=not rest.has_at_top("WHERE"), only=at > 0, cascade=True)
    for _, rest in written_rows(words, "UPDATE"):
        yield from _overwritten(rest)
    upsert = _UPSERT.search(stated.statement.text) if words.has("INTO") else None
    if upsert is not None:
        columns = _set_columns(words_of(stated.statement.text[upsert.end() :]))
        name = words.name(words.find("INTO") + 1)[0]
        yield Taken(Act.OVERWRITTEN, name, columns=columns, every_row=False)


def _overwritten(rest: Words) -> Iterator[Taken]:
    """FOR UPDATE and DO UPDATE have no table and a SET behind them: `SET`, or an alias and then it."""
    at = rest.skipping(0, "ONLY")
    name, after = rest.name(at)
    if rest.begins("SET") or "SET" not in rest.upper[after : after + 4]:
        return
    assigned = rest.between(rest.find("SET", start=after) + 1)
    columns = _set_columns(assigned)
    if not _fills_gaps(assigned, columns):
        yield Taken(Act.OVERWRITTEN, name, columns=columns, every_row=not rest.has_at_top("WHERE"), only=at > 0)


def _set_columns(words: Words) -> tuple[str, ...]:
    """The columns of `a = 1, (b, c) = (…)`; () when they cannot be told."""
    columns: list[str] = []
    for part in words.parts():
        if not part.has_at_top("=") or _is_over(part):
            break
        if part.begins("("):
            inside = part.between(1, part.end_of_parentheses(0) - 1)
            columns += [one.column(0) for one in inside.parts()]
        else:
            columns.append(part.column(0))
        if part.has_at_top(*_END_OF_SET):
            break
    return tuple(columns)


def _is_over(part: Words) -> bool:
    """A comma of a FROM or of what comes after it."""
    return part.word(1) not in ("=", ",", "[") and not part.begins("(")


def _fills_gaps(assigned: Words, columns: tuple[str, ...]) -> bool:
    """Whether it writes only where there is nothing: `SET a = … WHERE a IS NULL AND …`."""
    at = next((place for place, word in enumerate(assigned.upper) if word == "WHERE"), -1)
    if at < 0 or not columns:
        return False
    condition = assigned.between(at)
    if condition.has_at_top("OR"):
        return False
    empty = {
        folded(condition.raw[place])
        for place in range(1, len(condition) - 2)
        if condition.begins("IS", "NULL", at=place + 1) and condition.word(place - 1) in ("WHERE", "AND", ".")
    }
    return set(columns) <= empty


_BY_VERB: Mapping[str, Callable[[Stated], Iterator[Taken]]] = {
    "DROP TABLE": _relations,
    "DROP SEQUENCE": _relations,
    "DROP TYPE": _types,
    "DROP DOMAIN": _types,
    "DROP SCHEMA": _schemas,
    "DROP EXTENSION": _extensions,
    "DROP OWNED BY": _owned,
    "ALTER TABLE": _altered,
    "TRUNCATE": _truncated,
    "MERGE": _merged,
}
