"""Targets on PostgreSQL: a dedicated connection for each attempt, a small pool of readers for questions."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID

import asyncpg

from app.adapters.postgres import LOST, NO_TABLES, UNUSABLE, refuse_missing_schema, refuse_old, unavailable
from app.adapters.target.connection import Patience
from app.adapters.target.queries import EVENTS, JOBS_DONE, LEDGER_SIGNATURE
from app.adapters.target.readers import READ_TIMEOUT_S, Readers
from app.adapters.target.records import Reading, has_ledger, read_view
from app.adapters.target.release import release
from app.adapters.target.session import PostgresTargetSession
from app.domain.environment import Dsn, Environment
from app.domain.hiding import secrets_to
from app.domain.history import LedgerEvent
from app.domain.job import Attempt, Ended
from app.domain.ledger import History
from app.ports import LedgerWanted, TargetSession, TargetView

LARGE_LEDGER = 500
ANSWERED_WITHIN_S = 12
"""Less than our own command line waits for an answer."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A view as it was read, and the ledger's signature then; None when it was not asked for yet."""

    view: TargetView
    signature: str | None


class PostgresTargets:
    """Implements ports.Targets. `secrets`: what no failure may say, beside the passwords of its own target."""

    def __init__(self, patience: Patience, secrets: frozenset[str] = frozenset()) -> None:
        self._patience = patience
        self._secrets = secrets
        self._readers = Readers()
        self._with_ledger: set[Dsn] = set()
        self._large: dict[tuple[Dsn, str], _Known] = {}

    @asynccontextmanager
    async def open(self, environment: Environment, attempt: Attempt) -> AsyncIterator[TargetSession]:
        session = PostgresTargetSession(environment, attempt, self._patience, self._secrets | secrets_to(environment))
        await session.open()
        try:
            yield session
        finally:
            await session.close()

    async def read(self, environment: Environment) -> TargetView:
        try:
            async with self._asking(environment) as connection:
                refuse_old(connection)
                # each time: a ledger outlives the schema that it tells of
                await refuse_missing_schema(connection, environment.scope)
                if environment.dsn not in self._with_ledger:
                    if not await has_ledger(connection):
                        return TargetView(History(), server_major=connection.get_server_version().major)
                    self._with_ledger.add(environment.dsn)
                return await self._view(connection, environment)
        except NO_TABLES:
            # it was there, and somebody has dropped it
            self._with_ledger.discard(environment.dsn)
            return TargetView(History())

    async def past(self, environment: Environment, wanted: LedgerWanted) -> tuple[LedgerEvent, ...]:
        values = (environment.scope, wanted.at, wanted.id, wanted.name, wanted.limit)
        try:
            async with self._asking(environment) as connection:
                return tuple(LedgerEvent(**dict(row)) for row in await connection.fetch(EVENTS, *values))
        except NO_TABLES:
            return ()

    async def ended(self, environment: Environment, jobs: Sequence[UUID]) -> frozenset[UUID]:
        try:
            async with self._asking(environment) as connection:
                rows = await connection.fetch(JOBS_DONE, environment.scope, list(jobs))
                return frozenset(row["job_id"] for row in rows)
        except NO_TABLES:
            return frozenset()

    async def release(self, environment: Environment, stranded: UUID, outcome: Ended) -> None:
        await release(environment, stranded, outcome, self._patience)

    async def close(self) -> None:
        self._readers.close()

    @asynccontextmanager
    async def _asking(self, environment: Environment) -> AsyncIterator[Reading]:
        """Raises what NO_TABLES names, and BackendUnavailable: also when connection and answer together take long."""
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                pool = await self._readers.pool(environment.dsn)
                async with pool.acquire(timeout=READ_TIMEOUT_S) as connection:
                    yield connection
        except NO_TABLES:
            raise
        except (*LOST, *UNUSABLE, asyncpg.PostgresError) as error:
            raise unavailable(error, environment.dsn, f"the target of {environment.name}") from error

    async def _view(self, connection: Reading, environment: Environment) -> TargetView:
        """A large ledger is read again only when a row of it is other than before; the same view then stays."""
        place = (environment.dsn, environment.scope)
        known = self._large.get(place)
        if known is None:
            return self._noted(place, await _read(connection, environment.scope), None)
        signature = await connection.fetchval(LEDGER_SIGNATURE, environment.scope)
        if signature == known.signature:
            return known.view
        return self._noted(place, await _read(connection, environment.scope), signature)

    def _noted(self, place: tuple[Dsn, str], view: TargetView, signature: str | None) -> TargetView:
        if len(view.history.entries) >= LARGE_LEDGER:
            self._large[place] = _Known(view, signature)
        else:
            self._large.pop(place, None)
        return view


async def _read(connection: Reading, scope: str) -> TargetView:
    return replace(await read_view(connection, scope), server_major=connection.get_server_version().major)
