"""The rows of a scratch database: a few are put into each table, and each is known again by its checksum."""

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from app.adapters.postgres import LOST
from app.adapters.scratch import statements
from app.adapters.target.introspect import OWN_SCHEMAS
from app.domain.proof import Rows
from app.domain.seeding import ROWS, SeedColumn, SeedKey, SeedTable, parents_first

SEED_TIMEOUT_MS = 5_000
MOST_COMPARED = 10_000
"""Rows of one table: only a replayed migration brings more, and such a table is left to what the schemas say."""

_TRIGGERS = """
    SELECT quote_ident(tgname) AS name, tgenabled::text AS enabled FROM pg_catalog.pg_trigger
    WHERE tgrelid = $1::regclass AND NOT tgisinternal AND tgenabled <> 'D'
"""
_ENABLE = {"O": "ENABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}
_TEXT_IN_CHECK = re.compile(r"'((?:[^']|'')*)'::(?:text|character varying|bpchar|character)")
_QUIET = (
    "SET TIME ZONE 'UTC'; SET datestyle = ISO; SET intervalstyle = postgres; SET extra_float_digits = 1; "
    f"SET bytea_output = hex; SET statement_timeout = {SEED_TIMEOUT_MS}; SET lock_timeout = {SEED_TIMEOUT_MS}"
)


async def seed(connection: asyncpg.Connection, seeded: set[str]) -> tuple[str, ...]:
    """`seeded` names the tables that were looked at before. The tables that took no row, with the last reason."""
    await connection.execute(_QUIET)
    tables = [one for one in parents_first(await _tables(connection)) if one.name not in seeded]
    said = []
    for table in tables:
        seeded.add(table.name)
        refused = await _seed_one(connection, table)
        if refused is not None:
            said.append(f"{table.name} has no rows to compare: {refused}")
    return tuple(said)


async def rows(connection: asyncpg.Connection) -> Mapping[str, Rows]:
    await connection.execute(_QUIET)
    found: dict[str, Rows] = {}
    for table in await _tables(connection):
        columns = tuple(sorted(column.name for column in table.columns))
        sums = await _sums(connection, table, columns)
        if sums is not None:
            found[table.name] = Rows(columns, sums)
    return found


async def _sums(connection: asyncpg.Connection, table: SeedTable, columns: Sequence[str]) -> tuple[str, ...] | None:
    """None where it may not be read, or has too many."""
    row = f"ROW({', '.join(columns)})::text" if columns else "''"
    asked = f"SELECT pg_catalog.md5({row}) FROM {table.name} LIMIT {MOST_COMPARED + 1}"  # noqa: S608 - quoted by the server
    try:
        sums = await connection.fetch(asked)
    except asyncpg.PostgresError as error:
        if isinstance(error, LOST):
            raise
        return None
    return None if len(sums) > MOST_COMPARED else tuple(sorted(one[0] for one in sums))


async def _seed_one(connection: asyncpg.Connection, table: SeedTable) -> str | None:
    """Why it has no row now; None when it has one."""
    has_rows = f"SELECT EXISTS (SELECT FROM {table.name})"  # noqa: S608
    try:
        if await connection.fetchval(has_rows):
            return None
        async with _without_triggers(connection, table.name):
            refused = [await _insert(connection, table.attempts(n)) for n in range(1, ROWS + 1)]
        return None if await connection.fetchval(has_rows) else refused[0]
    except asyncpg.PostgresError as error:
        if isinstance(error, LOST):
            raise
        return _line(error)


@asynccontextmanager
async def _without_triggers(connection: asyncpg.Connection, table: str) -> AsyncIterator[None]:
    """What a trigger does with a row may reach anywhere; it was not written for ours. Each is as before afterwards."""
    triggers = await connection.fetch(_TRIGGERS, table)
    for one in triggers:
        await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {one['name']}")
    yield
    for one in triggers:
        await connection.execute(f"ALTER TABLE {table} {_ENABLE[one['enabled']]} TRIGGER {one['name']}")


async def _insert(connection: asyncpg.Connection, attempts: Sequence[str]) -> str | None:
    refused = None
    for attempt in attempts:
        try:
            await connection.execute(attempt)
            return None
        except asyncpg.PostgresError as error:
            if isinstance(error, LOST):
                raise
            refused = _line(error)
    return refused


async def _tables(connection: asyncpg.Connection) -> list[SeedTable]:
    found = await connection.fetch(statements.TABLES, list(OWN_SCHEMAS))
    oids = [row["oid"] for row in found]
    columns: dict[int, list[SeedColumn]] = defaultdict(list)
    for row in await connection.fetch(statements.COLUMNS, oids):
        columns[row["table_oid"]].append(_column(row))
    keys: dict[int, list[SeedKey]] = defaultdict(list)
    for row in await connection.fetch(statements.KEYS, oids):
        keys[row["table_oid"]].append(SeedKey(tuple(row["columns"]), row["parent"], tuple(row["referenced"])))
    return [SeedTable(row["name"], tuple(columns[row["oid"]]), tuple(keys[row["oid"]])) for row in found]


def _column(row: Any) -> SeedColumn:
    return SeedColumn(
        name=row["name"],
        type=row["type"],
        base=row["base"],
        category=_plain(row["category"]),
        length=row["length"],
        required=row["required"],
        own=row["own"],
        candidates=tuple(row["labels"] or _mentioned(row["checks"] or ())),
    )


def _mentioned(checks: Sequence[str]) -> list[str]:
    return [text.replace("''", "'") for check in checks for text in _TEXT_IN_CHECK.findall(check)]


def _plain(value: Any) -> str:
    """The type "char" comes as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _line(error: asyncpg.PostgresError) -> str:
    return str(error).splitlines()[0]
