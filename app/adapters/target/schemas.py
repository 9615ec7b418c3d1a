"""The schema of a target for those who only ask: on a connection of its own, in a transaction that cannot write."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from app.adapters.postgres import LOST, NO_TABLES, UNUSABLE, unavailable
from app.adapters.target.connection import close, connect
from app.adapters.target.introspect import read_snapshot
from app.adapters.target.schema_state import read_recorded
from app.domain.drift import RecordedSchema, Sight
from app.domain.environment import Environment
from app.domain.schema import Snapshot

LOOKS = 3
HOLDER = "SELECT job_id FROM liftlock.fence WHERE scope = $1"

Recorded = tuple[RecordedSchema | None, UUID | None]
"""What was recorded, and the job that is at work."""


class PostgresSchemas:
    """Implements ports.Schemas."""

    async def read(self, environment: Environment) -> Snapshot:
        async with connected(environment) as connection:
            return await read_snapshot(connection, environment.scope)

    async def sight(self, environment: Environment) -> Sight:
        """Looked at again when a job has ended, or begun, while the schema was read."""
        async with connected(environment) as connection:
            before = await _recorded(connection, environment.scope)
            for _ in range(LOOKS):
                live = await read_snapshot(connection, environment.scope)
                after = await _recorded(connection, environment.scope)
                if _mark(after) == _mark(before):
                    return Sight(live, *after)
                before = after
            return Sight(live, None, after[1])


@asynccontextmanager
async def connected(environment: Environment) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the target for one question. Raises BackendUnavailable."""
    connection: asyncpg.Connection | None = None
    try:
        connection = await connect(environment.worked_at, "liftlock:snapshot")
        yield connection
    except (*LOST, *UNUSABLE, asyncpg.PostgresError) as error:
        raise unavailable(error, environment.worked_at, f"the target of {environment.name}") from error
    finally:
        await close(connection)


async def _recorded(connection: asyncpg.Connection, scope: str) -> Recorded:
    """Nothing where there is no ledger yet, or one of an earlier release."""
    try:
        holder = await connection.fetchval(HOLDER, scope)
        return await read_recorded(connection, scope), holder
    except NO_TABLES:
        return None, None


def _mark(recorded: Recorded) -> object:
    state, holder = recorded
    return holder, state and (state.fingerprint, state.at, state.is_newest)
