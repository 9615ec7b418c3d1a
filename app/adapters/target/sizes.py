"""How large tables are and who holds them, asked without waiting for anybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from app.domain.lock_modes import LockMode
from app.domain.locks import MOST_QUERY_CHARS
from app.domain.survey import TableSize

ANSWER_S = 10.0

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
    SELECT c.oid, pg_catalog.pg_total_relation_size(c.oid) AS bytes, pg_catalog.pg_table_size(c.oid) AS heap_bytes,
           pg_catalog.pg_relation_size(c.oid) AS own_bytes
    FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1)
"""
"""Takes ACCESS SHARE on each for a moment: only of tables that nobody holds, or waits for, so that it would wait."""


@dataclass(frozen=True, slots=True)
class Sized:
    """`sizes` by OID. `parts`: each table with its partitions, as `root` and `oid`. `locks`: those on any part."""

    sizes: Mapping[int, TableSize]
    parts: Sequence[asyncpg.Record]
    locks: Sequence[asyncpg.Record]


async def sized(connection: asyncpg.Connection, name_of: Mapping[int, str]) -> Sized:
    """`name_of`: the tables by OID, under the names that their sizes shall have."""
    parts = await connection.fetch(_PARTS, list(name_of), timeout=ANSWER_S)
    every = list({row["oid"] for row in parts})
    locks = await connection.fetch(_LOCKS, every, MOST_QUERY_CHARS, timeout=ANSWER_S)
    taken = {row["relation"] for row in locks if mode_of(row["mode"]) is LockMode.ACCESS_EXCLUSIVE}
    bytes_of = await _bytes(connection, [oid for oid in every if oid not in taken])
    sizes = {oid: _size(name, [row for row in parts if row["root"] == oid], bytes_of) for oid, name in name_of.items()}
    return Sized(sizes, parts, locks)


def mode_of(spelled: str) -> LockMode:
    """`AccessExclusiveLock` of pg_locks as SQL spells it."""
    return _MODES[spelled]


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
        # the TOAST of a table without a row has a page already
        rows=_rows(parts, seen and not sum(size["own_bytes"] for size in sizes)),
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


_MODES = {"".join(word.capitalize() for word in mode.split()) + "Lock": mode for mode in LockMode}
