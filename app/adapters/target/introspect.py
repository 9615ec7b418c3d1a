"""Reads the schema of a database: one query, quietly, inside whatever transaction there is."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from app.adapters.target.prepared import Rows
from app.domain.effects.passage import Place
from app.domain.schema import Key, SchemaObject, Snapshot

T = TypeVar("T")

OWN_SCHEMAS = ("liftlock", "liftlock_control", "liftlock_preserved")
"""Not part of what is migrated, nor are their comments."""

RELATIONAL = (
    "relations", "columns", "sequences", "constraints", "indexes", "triggers", "rules", "policies", "statistics",
)  # fmt: skip
OTHERS: Mapping[str, tuple[str, ...]] = {
    "schemas": ("schema",),
    "functions": ("function", "procedure", "aggregate"),
    "types": ("enum", "domain", "range", "composite type", "base type"),
    "domain_constraints": ("domain constraint",),
    "collations": ("collation",),
    "operators": ("operator",),
    "operator_classes": ("operator class", "operator family"),
    "text_search": ("text search configuration", "text search dictionary"),
    "default_privileges": ("default privileges",),
    "extensions": ("extension",),
    "casts": ("cast",),
    "languages": ("language",),
    "event_triggers": ("event trigger",),
    "publications": ("publication",),
    "foreign": ("foreign data wrapper", "foreign server", "user mapping"),
}
"""Sections of what belongs to no relation, with the kinds that they give."""
EVERYWHERE = frozenset({"relations", "columns", "constraints", "indexes", "schemas", "extensions"})
"""Sections that are always asked for."""
OF_DATABASES = frozenset({"extensions", "casts", "languages", "event_triggers", "publications", "foreign"})
"""Sections that have nothing of a single schema."""

QUIET = (
    "SET LOCAL search_path = pg_catalog; SET LOCAL jit = off; SET LOCAL quote_all_identifiers = off; "
    "SET LOCAL datestyle = ISO; SET LOCAL intervalstyle = postgres; SET LOCAL timezone = 'UTC'; "
    "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = hex; "
    "SET LOCAL lock_timeout = 200"
)
"""Settings that the text of a definition depends on; names are then qualified wherever they must be. PostgreSQL
locks what a view or an expression mentions to write it out: we give way long before it looks for a deadlock, in
which the application's statement might be the one that is cancelled."""

PUBLICATION_SCHEMAS_SINCE = 15
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"
_SAVEPOINT = "SAVEPOINT liftlock_snapshot"
_BACK = "ROLLBACK TO SAVEPOINT liftlock_snapshot; RELEASE SAVEPOINT liftlock_snapshot"
_SECTION = re.compile(r"^ *-- section: (\w+)\n", re.MULTILINE)
_TRIES = {**dict.fromkeys(("XX000", "42P01", "42704", "42883", "3F000"), 30), **dict.fromkeys(("55P03", "40P01"), 6)}
"""How often to read, by SQLSTATE: something was dropped in the meantime ("cache lookup failed" and "could not open
relation" are XX000), which a database with many short-lived tables does again and again; or it is locked by whoever
drops it, where every try waits."""


@dataclass(frozen=True, slots=True)
class Read:
    """An object as it was read; `relation` is the oid of the relation it belongs to, `attnum` a column's number."""

    found: SchemaObject
    relation: int | None
    attnum: int


async def read_snapshot(connection: asyncpg.Connection, scope: str = "", rows: Rows | None = None) -> Snapshot:
    """The whole schema, or that of one schema. In a transaction it sees what that has done, and leaves no trace."""
    found = await quietly(connection, lambda: read_sections(connection, scope, (*RELATIONAL, *OTHERS), rows=rows))
    return Snapshot.of(row.found for row in found)


async def read_places(connection: asyncpg.Connection, scope: str = "") -> dict[Key, Place]:
    """Where each object of the snapshot stands: by its oids, which a rename leaves as they are."""

    async def ask() -> Sequence[asyncpg.Record]:
        return await _ask(connection.fetch, connection, scope, (*RELATIONAL, *OTHERS), None, "places")

    found = await quietly(connection, ask)
    return {(kind, identity): Place(*numbers) for kind, places in found for identity, *numbers in json.loads(places)}


async def quietly(connection: asyncpg.Connection, work: Callable[[], Awaitable[T]]) -> T:
    """Do `work` under settings of our own, and again when it fell over something that was just dropped."""
    for tries in count(1):
        try:
            async with _aside(connection):
                return await work()
        except asyncpg.PostgresError as error:
            if tries >= _TRIES.get(error.sqlstate or "", 0):
                raise
    raise AssertionError("the last try returns or raises")


async def read_sections(
    connection: asyncpg.Connection,
    scope: str,
    sections: Sequence[str],
    relations: Sequence[int] | None = None,
    rows: Rows | None = None,
) -> list[Read]:
    """The objects of some sections; of relations and what belongs to them only those in `relations`, if given."""
    found = await _ask(rows or connection.fetch, connection, scope, sections, relations)
    return [read for kind, members in found for read in _reads(kind, json.loads(members))]


async def _ask(
    rows: Rows,
    connection: asyncpg.Connection,
    scope: str,
    sections: Sequence[str],
    relations: Sequence[int] | None,
    asked: str = "rows",
) -> Sequence[asyncpg.Record]:
    """Only those sections that there is something of."""
    present = EVERYWHERE.union(row["section"] for row in await rows(sections_of("snapshot.sql")["present"]))
    wanted = tuple(one for one in sections if one in present and not (scope and one in OF_DATABASES))
    if not wanted:
        return ()
    return await rows(_query(wanted, connection.get_server_version().major, asked), list(OWN_SCHEMAS), scope, relations)


def _reads(kind: str, members: list[Any]) -> Iterator[Read]:
    for identity, relation, attnum, facts, owner, comment, grants in members:
        if owner is not None:
            facts["owner"] = owner
        if comment is not None:
            facts["comment"] = comment
        if grants is not None:
            facts["grants"] = grants
        yield Read(SchemaObject(kind, identity, facts), relation, attnum)


@cache
def sections_of(file: str) -> dict[str, str]:
    """The named parts of an SQL file; what stands before the first is its prose."""
    parts = _SECTION.split((Path(__file__).parent / file).read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@cache
def _query(sections: tuple[str, ...], major: int, asked: str = "rows") -> str:
    named = sections_of("snapshot.sql")
    publications = "publications_15" if major >= PUBLICATION_SCHEMAS_SINCE else "publications_14"
    wanted = (named[publications if one == "publications" else one] for one in sections)
    return named["shared"] + "UNION ALL\n".join(wanted) + named[asked]


@asynccontextmanager
async def _aside(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """In a savepoint that is rolled back: settings and the locks of reading go with it. Else a transaction."""
    within = connection.is_in_transaction()
    await connection.execute(f"{_SAVEPOINT if within else _BEGIN}; {QUIET}")
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute(_BACK if within else "ROLLBACK")
