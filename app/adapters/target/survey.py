"""Looks at the tables of a plan and at the sessions that hold them, in a transaction that can write nothing."""

from collections.abc import Collection, Iterator, Sequence

import asyncpg

from app.adapters.postgres import LOST, UNUSABLE, unavailable
from app.adapters.target.connection import close, connect
from app.domain.environment import Environment
from app.domain.lock_modes import LockMode
from app.domain.locks import MOST_QUERY_CHARS, Session
from app.domain.survey import HeldLock, Survey, TableSize

ANSWER_S = 10.0
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

_LOCKS = """
    SELECT l.relation, l.mode, l.granted, COALESCE(l.pid, 0) AS pid, a.usename, a.application_name, a.state,
           left(a.query, $2) AS query, COALESCE(a.state_change, a.query_start) AS since, a.xact_start
    FROM pg_catalog.pg_locks l
    LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'relation' AND l.relation = ANY ($1)
      AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
      AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
    ORDER BY a.xact_start NULLS LAST, l.pid
"""

_PARTS = """
    WITH RECURSIVE part AS (
        SELECT c.oid AS root, c.oid FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1)
        UNION ALL
        SELECT part.root, i.inhrelid FROM part JOIN pg_catalog.pg_class c ON c.oid = part.oid AND c.relkind = 'p'
        JOIN pg_catalog.pg_inherits i ON i.inhparent = part.oid)
    SELECT part.root, part.oid, c.relkind IN ('r', 'p', 'm') AS has_rows,
           CASE WHEN c.relkind = 'p' THEN 0 WHEN c.reltuples > 0 THEN c.reltuples::bigint
                ELSE NULLIF(pg_catalog.pg_stat_get_live_tuples(c.oid), 0) END AS rows
    FROM part JOIN pg_catalog.pg_class c ON c.oid = part.oid
"""
"""A partitioned table is as large as its partitions. Without ANALYZE the statistics system's count is taken."""

_BYTES = """
    SELECT c.oid, pg_catalog.pg_total_relation_size(c.oid) AS bytes, pg_catalog.pg_table_size(c.oid) AS heap_bytes
    FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1)
"""
"""Takes ACCESS SHARE on each for a moment: only of tables that nobody holds, or waits for, so that it would wait."""


class PostgresSurveys:
    """Implements ports.Surveys."""

    async def look(self, environment: Environment, relations: Collection[str]) -> Survey:
        connection: asyncpg.Connection | None = None
        try:
            connection = await connect(environment.direct or environment.dsn, "liftlock:survey")
            async with connection.transaction(readonly=True):
                await connection.execute(_QUIET)
                return await _look(connection, sorted(relations))
        except (*LOST, *UNUSABLE, asyncpg.PostgresError) as error:
            raise unavailable(error, environment.dsn, f"the target of {environment.name}") from error
        finally:
            await close(connection)


async def _look(connection: asyncpg.Connection, relations: Sequence[str]) -> Survey:
    schemas = [name.partition(".")[0] for name in relations]
    names = [name.partition(".")[2] for name in relations]
    found = await connection.fetch(_RELATIONS, relations, schemas, names, timeout=ANSWER_S)
    name_of = {row["oid"]: row["name"] for row in found}
    parts = await connection.fetch(_PARTS, list(name_of), timeout=ANSWER_S)
    every = list({row["oid"] for row in parts})
    locks = await connection.fetch(_LOCKS, every, MOST_QUERY_CHARS, timeout=ANSWER_S)
    taken = {row["relation"] for row in locks if _mode(row["mode"]) is LockMode.ACCESS_EXCLUSIVE}
    bytes_of = await _bytes(connection, [oid for oid in every if oid not in taken])
    sizes = {oid: _size(name, [row for row in parts if row["root"] == oid], bytes_of) for oid, name in name_of.items()}
    version = connection.get_server_version()
    return Survey(
        at=await connection.fetchval("SELECT pg_catalog.clock_timestamp()"),
        server_version=f"{version.major}.{version.minor}",
        tables={row["asked"]: sizes[row["oid"]] for row in found},
        held=tuple(_held(locks, parts, name_of)),
    )


async def _bytes(connection: asyncpg.Connection, oids: Sequence[int]) -> dict[int, asyncpg.Record]:
    """Without those that somebody holds, or an index of them, or has dropped: nobody is waited for here."""
    try:
        async with connection.transaction():
            rows = await connection.fetch(_BYTES, oids, timeout=ANSWER_S)
    except asyncpg.LockNotAvailableError:
        if len(oids) == 1:
            return {}
        half = len(oids) // 2
        return {**await _bytes(connection, oids[:half]), **await _bytes(connection, oids[half:])}
    return {row["oid"]: row for row in rows if row["bytes"] is not None and row["heap_bytes"] is not None}


def _size(name: str, parts: Sequence[asyncpg.Record], bytes_of: dict[int, asyncpg.Record]) -> TableSize:
    sizes = [bytes_of[row["oid"]] for row in parts if row["oid"] in bytes_of]
    seen = len(sizes) == len(parts)
    return TableSize(
        name=name,
        rows=_rows(parts, seen and not sum(size["heap_bytes"] for size in sizes)),
        bytes=sum(size["bytes"] for size in sizes) if seen else None,
        heap_bytes=sum(size["heap_bytes"] for size in sizes) if seen else None,
    )


def _rows(parts: Sequence[asyncpg.Record], is_empty: bool) -> int | None:
    """None for a view or a sequence, and where nothing was ever counted."""
    if not all(row["has_rows"] for row in parts):
        return None
    if is_empty:
        return 0
    counted = [row["rows"] for row in parts if row["rows"] is not None]
    return sum(counted) if any(counted) else None


def _held(
    locks: Sequence[asyncpg.Record], parts: Sequence[asyncpg.Record], name_of: dict[int, str]
) -> Iterator[HeldLock]:
    """A lock on a partition is in the way of whoever wants the whole table."""
    for row in locks:
        if row["granted"]:
            for root in dict.fromkeys(part["root"] for part in parts if part["oid"] == row["relation"]):
                yield HeldLock(name_of[root], _mode(row["mode"]), _session(row))


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


def _mode(spelled: str) -> LockMode:
    """`AccessExclusiveLock` of pg_locks as SQL spells it."""
    return _MODES[spelled]


_MODES = {"".join(word.capitalize() for word in mode.split()) + "Lock": mode for mode in LockMode}
