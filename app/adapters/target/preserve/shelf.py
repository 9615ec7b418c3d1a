"""What is kept in a target, for those who ask, and what is thrown away when its time is over."""

import json
from uuid import UUID

import asyncpg

from app.adapters.postgres import NO_TABLES, quote
from app.adapters.target.preserve.capture import PREFIX
from app.adapters.target.preserve.kept_rows import SCHEMA
from app.adapters.target.schemas import connected
from app.domain.environment import Environment
from app.domain.migration import Direction
from app.domain.preserved import Place, PreservedKind, PreservedSet, PreservedState, Retention

_LOCK_MS = 200
_NEEDED = """
    p.state = 'kept' AND EXISTS (
        SELECT FROM liftlock.migrations m WHERE m.scope = p.scope AND m.name = p.name
          AND m.status = CASE p.direction WHEN 'up' THEN 'completed' ELSE 'rolled_back' END)
"""
"""The migration stands as the step has left it, so that the one that undoes it may come."""

_SET = f"""
    SELECT p.id, p.name, p.direction, p.job_id, p.kind, p.schema_name, p.relation_name, p.columns::text AS columns,
           p.rows, p.bytes, p.checksum, p.kept_at, p.state, ({_NEEDED}) AS needed, p.settled_at, p.settled_by,
           p.restored, p.remarks::text AS remarks
    FROM liftlock.preserved p WHERE p.scope = $1
"""
_KEPT = f"{_SET} ORDER BY p.kept_at DESC, p.place DESC LIMIT $2"
_ONE = f"{_SET} AND p.id = $2"
_PLACE = """
    SELECT CASE WHEN n.oid IS NULL THEN 'no_schema'
                WHEN EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relname = $2)
                  OR EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.typnamespace = n.oid AND t.typname = $2)
                THEN 'taken' ELSE 'free' END
    FROM (SELECT $1::text AS name) AS asked
    LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = asked.name
"""
"""A table brings a type of its name with it."""

_DUE = f"""
    SELECT p.id FROM liftlock.preserved p
    WHERE p.scope = $1 AND p.state IN ('kept', 'partly_restored')
      AND p.kept_at < clock_timestamp() - make_interval(days => $2 * CASE WHEN {_NEEDED} THEN 2 ELSE 1 END)
    FOR UPDATE OF p SKIP LOCKED
"""
_PURGED = "UPDATE liftlock.preserved SET state = 'purged' WHERE id = ANY ($1)"
_LEFT_TRIGGERS = """
    SELECT t.tgname AS name, t.tgrelid::regclass::text AS table FROM pg_trigger t
    WHERE starts_with(t.tgname, $1) AND t.tgenabled = 'D' AND t.tgparentid = 0
"""


class PostgresPreservedRows:
    """Implements ports.PreservedRows."""

    async def kept(self, environment: Environment, limit: int) -> tuple[PreservedSet, ...]:
        async with connected(environment) as connection:
            try:
                rows = await connection.fetch(_KEPT, environment.scope, limit)
            except NO_TABLES:
                return ()
            return tuple(_set(row) for row in rows)

    async def one(self, environment: Environment, set_id: UUID) -> PreservedSet | None:
        async with connected(environment) as connection:
            try:
                row = await connection.fetchrow(_ONE, environment.scope, set_id)
            except NO_TABLES:
                return None
            return None if row is None else _set(row)

    async def place(self, environment: Environment, schema: str, table: str) -> Place:
        async with connected(environment) as connection:
            return Place(await connection.fetchval(_PLACE, schema, table))

    async def purge(self, environment: Environment, retention: Retention) -> int:
        async with connected(environment) as connection:
            try:
                purged = await self._purge(connection, environment.scope, retention)
            except NO_TABLES:
                return 0
            await self._drop_triggers(connection)
            return purged

    async def _purge(self, connection: asyncpg.Connection, scope: str, retention: Retention) -> int:
        """Rows and what is said of them go in one transaction; a set that is being given back is left alone."""
        async with connection.transaction():
            due = [row["id"] for row in await connection.fetch(_DUE, scope, retention.days)]
            for one in due:
                await connection.execute(f"DROP TABLE IF EXISTS {SCHEMA}.kept_{one.hex}")
            await connection.execute(_PURGED, due)
            return len(due)

    async def _drop_triggers(self, connection: asyncpg.Connection) -> None:
        """Those that were only switched off, since somebody was reading then."""
        for row in await connection.fetch(_LEFT_TRIGGERS, PREFIX):
            try:
                await connection.execute(
                    f"SET lock_timeout = {_LOCK_MS}; DROP TRIGGER {quote(row['name'])} ON {row['table']}; "
                    f"DROP FUNCTION {SCHEMA}.{quote(row['name'])}()"
                )
            except asyncpg.LockNotAvailableError:
                continue


def _set(row: asyncpg.Record) -> PreservedSet:
    return PreservedSet(
        id=row["id"],
        migration=row["name"],
        direction=Direction(row["direction"]),
        job_id=row["job_id"],
        kind=PreservedKind(row["kind"]),
        schema=row["schema_name"],
        name=row["relation_name"],
        columns=tuple(column["name"] for column in json.loads(row["columns"])),
        rows=row["rows"],
        bytes=row["bytes"],
        checksum=row["checksum"],
        kept_at=row["kept_at"],
        state=PreservedState(row["state"]),
        needed=row["needed"],
        settled_at=row["settled_at"],
        settled_by=row["settled_by"],
        restored=row["restored"],
        remarks=tuple(json.loads(row["remarks"])),
    )
