"""Whose a target is and how it is protected, changed at somebody's word."""

from datetime import datetime, timedelta

import asyncpg

from app.adapters.target.connection import Patience, transaction
from app.adapters.target.records import ensure_ledger, upgrade_ledger
from app.adapters.target.schemas import connected
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable

_UNLOCK = """
    INSERT INTO liftlock.settings (scope, environment, protection, unlocked_until, unlocked_by)
    VALUES ($1, $2, $3, clock_timestamp() + $4, $5)
    ON CONFLICT (scope) DO UPDATE
    SET unlocked_until = excluded.unlocked_until, unlocked_by = excluded.unlocked_by, updated_at = clock_timestamp()
    RETURNING unlocked_until
"""
_LOCK = """
    UPDATE liftlock.settings SET unlocked_until = NULL, unlocked_by = $2, updated_at = clock_timestamp()
    WHERE scope = $1
"""
_CLAIM = """
    UPDATE liftlock.settings
    SET environment = $2, protection = $3, unlocked_until = NULL, unlocked_by = NULL, updated_at = clock_timestamp()
    WHERE scope = $1 AND environment = $4
      AND NOT EXISTS (SELECT FROM liftlock.fence f WHERE f.scope = $1 AND f.job_id IS NOT NULL)
    RETURNING 1
"""


class PostgresOwnership:
    """Implements ports.Ownership."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience

    async def unlock(self, environment: Environment, lasting: timedelta, by: str) -> datetime:
        values = (environment.scope, environment.name, environment.protection.value, lasting, by)
        until = await self._change(environment, _UNLOCK, *values)
        assert isinstance(until, datetime)
        return until

    async def lock(self, environment: Environment, by: str) -> None:
        await self._change(environment, _LOCK, environment.scope, by)

    async def claim(self, environment: Environment, recorded: str) -> bool:
        values = (environment.scope, environment.name, environment.protection.value, recorded)
        return await self._change(environment, _CLAIM, *values) is not None

    async def _change(self, environment: Environment, statement: str, *values: object) -> object:
        async with connected(environment) as connection:
            try:
                async with transaction(connection, self._patience):
                    await ensure_ledger(connection)
                    await upgrade_ledger(connection)
                    return await connection.fetchval(statement, *values)
            except asyncpg.LockNotAvailableError as error:
                raise BackendUnavailable(
                    f"another session holds the ledger of {environment.name}; ask again in a moment"
                ) from error
