"""Looks at the tables of a plan and at the sessions that hold them, in a transaction that can write nothing."""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from app.adapters.postgres import LOST, UNUSABLE, unavailable
from app.adapters.target.connection import close, connect
from app.adapters.target.holdings import in_scope, read_holdings
from app.adapters.target.sizes import ANSWER_S, mode_of, sized
from app.domain.environment import Environment
from app.domain.holdings import Holdings
from app.domain.locks import Session
from app.domain.removals import Removal
from app.domain.survey import HeldLock, Survey

LOCK_TIMEOUT_MS = 100

_QUIET = f"SET LOCAL jit = off; SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"

_RELATIONS = """
    SELECT asked.name AS asked, t.oid, n.nspname || '.' || t.relname AS name
    FROM unnest($1::text[], $2::text[], $3::text[]) AS asked (name, schema, relation)
    JOIN pg_catalog.pg_namespace named ON named.nspname = asked.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = named.oid AND c.relname = asked.relation
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
    JOIN pg_catalog.pg_class t ON t.oid = COALESCE(i.indrelid, c.oid)
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
"""


class PostgresSurveys:
    """Implements ports.Surveys."""

    async def look(self, environment: Environment, relations: Collection[str]) -> Survey:
        async with _looking(environment) as connection:
            return await _look(connection, environment.scope, sorted(relations))

    async def holdings(self, environment: Environment, removals: Sequence[Removal]) -> Holdings:
        async with _looking(environment) as connection:
            return await read_holdings(connection, environment.scope, removals)


@asynccontextmanager
async def _looking(environment: Environment) -> AsyncIterator[asyncpg.Connection]:
    connection: asyncpg.Connection | None = None
    try:
        connection = await connect(environment.worked_at, "liftlock:survey")
        async with connection.transaction(readonly=True):
            await connection.execute(_QUIET)
            yield connection
    except (*LOST, *UNUSABLE, asyncpg.PostgresError) as error:
        raise unavailable(error, environment.worked_at, f"the target of {environment.name}") from error
    finally:
        await close(connection)


async def _look(connection: asyncpg.Connection, scope: str, relations: Sequence[str]) -> Survey:
    schemas = [in_scope(name.partition(".")[0], scope) for name in relations]
    names = [name.partition(".")[2] for name in relations]
    found = await connection.fetch(_RELATIONS, relations, schemas, names, timeout=ANSWER_S)
    name_of = {row["oid"]: row["name"] for row in found}
    found_sizes = await sized(connection, name_of)
    version = connection.get_server_version()
    return Survey(
        at=await connection.fetchval("SELECT pg_catalog.clock_timestamp()"),
        server_version=f"{version.major}.{version.minor}",
        tables={row["asked"]: found_sizes.sizes[row["oid"]] for row in found},
        held=tuple(_held(found_sizes.locks, found_sizes.parts, name_of)),
    )


def _held(
    locks: Sequence[asyncpg.Record], parts: Sequence[asyncpg.Record], name_of: dict[int, str]
) -> Iterator[HeldLock]:
    """A lock on a partition is in the way of whoever wants the whole table."""
    for row in locks:
        if row["granted"]:
            for root in dict.fromkeys(part["root"] for part in parts if part["oid"] == row["relation"]):
                yield HeldLock(name_of[root], mode_of(row["mode"]), _session(row))


def _session(row: asyncpg.Record) -> Session:
    return Session(
        pid=row["pid"],
        user=row["usename"],
        application=row["application_name"] or None,
        state=row["state"],
        query=row["query"],
        since=row["since"],
        transaction_since=row["xact_start"],
    )
