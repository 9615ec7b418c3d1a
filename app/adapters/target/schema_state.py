"""The schema that the last job left, kept in the ledger, and the one that is there."""

from uuid import UUID

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from app.adapters.postgres import LOST
from app.adapters.target.incremental import SchemaReader
from app.domain.drift import Kept, RecordedSchema
from app.domain.schema import Snapshot

RECORDED = """
    SELECT s.fingerprint, s.snapshot, s.job_id, s.at, NOT EXISTS (
        SELECT 1 FROM liftlock.migration_events e
        WHERE e.scope = $1 AND e.id > s.event_id AND e.event <> 'failed') AS is_newest
    FROM liftlock.schema_state s WHERE s.scope = $1
"""
"""What has failed left nothing; or it was recorded when its job ended."""

HAS_CHANGED = """
    SELECT EXISTS (SELECT 1 FROM liftlock.steps WHERE scope = $1 AND job_id = $2)
        OR EXISTS (SELECT 1 FROM liftlock.step_statements WHERE scope = $1 AND job_id = $2)
"""
"""Whether the job has done anything at all here; a drift that it only met is not its doing."""

KEEP = """
    WITH newest AS (
        SELECT id, name FROM liftlock.migration_events WHERE scope = $1 ORDER BY id DESC LIMIT 1),
    marked AS (
        UPDATE liftlock.migrations m SET schema_fingerprint = $2 FROM newest
        WHERE m.scope = $1 AND m.name = newest.name)
    INSERT INTO liftlock.schema_state (scope, fingerprint, snapshot, event_id, job_id)
    SELECT $1, $2, $3, newest.id, $4 FROM newest
    ON CONFLICT (scope) DO UPDATE
    SET fingerprint = excluded.fingerprint, snapshot = excluded.snapshot, event_id = excluded.event_id,
        job_id = excluded.job_id, at = clock_timestamp()
    RETURNING at
"""

log = structlog.get_logger()


async def read_recorded(connection: asyncpg.Connection | PoolConnectionProxy, scope: str) -> RecordedSchema | None:
    """The ledger must be there, in its third version or later."""
    row = await connection.fetchrow(RECORDED, scope)
    return None if row is None else _recorded(row)


async def keep_schema(connection: asyncpg.Connection, reader: SchemaReader, scope: str, job_id: UUID) -> Kept | None:
    """Record the schema as the job leaves it, if the job has done anything; in the transaction of its end.

    What cannot be read, because somebody holds it locked, is not claimed: the older record is no longer the newest.
    """
    if not await connection.fetchval(HAS_CHANGED, scope, job_id):
        return None
    live = await read_if_possible(reader, job_id)
    if live is None:
        return None
    at = await connection.fetchval(KEEP, scope, bytes.fromhex(live.fingerprint), live.canonical, job_id)
    return None if at is None else Kept(live.fingerprint, at)


async def read_if_possible(reader: SchemaReader, job_id: UUID) -> Snapshot | None:
    """None while somebody holds locked what would have to be read. Raises what LOST lists."""
    try:
        return await reader.read()
    except LOST:
        raise
    except asyncpg.PostgresError as error:
        log.warning("schema.not_read", job=str(job_id), error=str(error))
        return None


def _recorded(row: asyncpg.Record) -> RecordedSchema:
    return RecordedSchema(
        fingerprint=row["fingerprint"].hex(),
        canonical=row["snapshot"],
        job_id=row["job_id"],
        at=row["at"],
        is_newest=row["is_newest"],
    )
