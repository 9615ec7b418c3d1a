"""Rows for a scratch database: a few in each table, as far as its columns and constraints let a stranger write them.

Whatever may hold a value is given one, also where NULL or a default would do: only then does it show that a
column was dropped and made anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ROWS = 3

_BY_TYPE: Mapping[str, str] = {
    "uuid": "00000000-0000-4000-8000-00000000000{n}",
    "json": '{{"seed": {n}}}',
    "jsonb": '{{"seed": {n}}}',
    "bytea": "\\x0{n}",
    "xml": "<seed>{n}</seed>",
    "tsvector": "seed{n}",
    "tsquery": "seed{n}",
    "macaddr": "08:00:2b:01:02:0{n}",
    "macaddr8": "08:00:2b:01:02:03:04:0{n}",
    "pg_lsn": "0/{n}",
    "time": "0{n}:00:00",
    "timetz": "0{n}:00:00+00",
    "inet": "10.0.0.{n}",
    "cidr": "10.0.0.{n}/32",
    "point": "({n},{n})",
    "hstore": '"seed"=>"{n}"',
    "ltree": "seed{n}",
    "char": "{n}",
}
_BY_CATEGORY: Mapping[str, str] = {
    "N": "{n}",
    "D": "2001-02-0{n}",
    "T": "{n} days",
    "A": "{{}}",
    "R": "empty",
}


@dataclass(frozen=True, slots=True)
class SeedColumn:
    """`name` and `type` as SQL writes them; `base`, `category` and `length` of what a domain stands on.

    `required`: NOT NULL without a default. `own`: the server gives its value (identity, generated, a sequence).
    `candidates`: labels of an enum, or the texts that a CHECK on this column alone mentions.
    """

    name: str
    type: str
    base: str
    category: str
    length: int | None = None
    required: bool = False
    own: bool = False
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SeedKey:
    """A foreign key: `columns` take what `referenced` of `parent` holds."""

    columns: tuple[str, ...]
    parent: str
    referenced: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeedTable:
    """`name` is qualified and quoted."""

    name: str
    columns: tuple[SeedColumn, ...]
    keys: tuple[SeedKey, ...] = ()

    def attempts(self, n: int) -> tuple[str, ...]:
        """INSERTs for row `n` (from 1): with all that may hold a value, then with what is required alone."""
        given = {column.name: value for column in self.columns if (value := _value(column, n)) and not column.own}
        given |= {
            column: _of_parent(there, key.parent, n)
            for key in self.keys
            if key.parent != self.name
            for column, there in zip(key.columns, key.referenced, strict=True)
        }
        for key in self.keys:
            if key.parent == self.name:
                # the first row has nothing to point at
                given = {name: value for name, value in given.items() if name not in key.columns}
        required = {column.name for column in self.columns if column.required}
        least = {name: value for name, value in given.items() if name in required}
        return tuple(dict.fromkeys((_insert(self.name, given), _insert(self.name, least))))


def parents_first(tables: Sequence[SeedTable]) -> tuple[SeedTable, ...]:
    """By foreign keys; where they go round in a circle, by name."""
    left = {table.name: table for table in sorted(tables, key=lambda one: one.name)}
    ordered: list[SeedTable] = []
    while left:
        ready = [table for table in left.values() if not _awaited(table, left)] or [next(iter(left.values()))]
        for table in ready:
            ordered.append(left.pop(table.name))
    return tuple(ordered)


def quoted(text: str) -> str:
    """A literal, whatever `standard_conforming_strings` says."""
    plain = "'" + text.replace("'", "''") + "'"
    return plain if "\\" not in text else " E" + plain.replace("\\", "\\\\")


def _awaited(table: SeedTable, left: Mapping[str, SeedTable]) -> list[str]:
    return [key.parent for key in table.keys if key.parent in left and key.parent != table.name]


def _of_parent(column: str, parent: str, n: int) -> str:
    return f"(SELECT {column} FROM {parent} ORDER BY ctid OFFSET {n - 1} LIMIT 1)"  # noqa: S608 - quoted by the server


def _insert(table: str, given: Mapping[str, str]) -> str:
    if not given:
        return f"INSERT INTO {table} DEFAULT VALUES"
    return f"INSERT INTO {table} ({', '.join(given)}) VALUES ({', '.join(given.values())})"  # noqa: S608


def _value(column: SeedColumn, n: int) -> str | None:
    """An expression, None where there is none that is sure to be of the type."""
    text = _text(column, n)
    return None if text is None else f"{quoted(text)}::{column.type}"


def _text(column: SeedColumn, n: int) -> str | None:
    if column.candidates:
        return column.candidates[(n - 1) % len(column.candidates)]
    if column.base.startswith("reg"):
        return None
    if column.base in ("bit", "varbit"):
        return ("1" if n % 2 else "0") * (column.length or 1)
    if column.category == "B":
        return "true" if n % 2 else "false"
    if column.category == "S":
        return f"{n} seed"[: column.length]
    known = _BY_TYPE.get(column.base) or _BY_CATEGORY.get(column.category)
    return None if known is None else known.format(n=n)
