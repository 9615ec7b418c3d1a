"""The control database: one pooled engine for one event loop, and its errors in our words."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.adapters.control.direct import BY_KEYS, Direct, DirectConnections, Row
from app.adapters.postgres import CONTROL_DATABASE, LENT, LOST, NO_TABLES, SHORT, UNUSABLE, Unfit, unavailable
from app.adapters.target.connection import close
from app.adapters.target.pooling import is_lent, is_lent_by_the_transaction
from app.domain.environment import Dsn
from app.domain.errors import BackendUnavailable

CONNECT_TIMEOUT_S = 5
COMMAND_TIMEOUT_S = 30
_OURS = {
    "application_name": "liftlock:control",
    "jit": "off",
    "lock_timeout": "0",
    "statement_timeout": f"{COMMAND_TIMEOUT_S + 5}s",
}
"""Whatever the role or the database is set to. Whoever asked has heard that it took too long before the server ends it,
which is for those who were killed while they waited."""


class ControlDatabase:
    """Engines belong to the loop that made them; a process has one for each of its portals."""

    def __init__(self, dsn: Dsn, *, pool_size: int = 5) -> None:
        self.dsn = dsn
        self._pool_size = pool_size
        self._engine: AsyncEngine | None = None
        self._autocommit: AsyncEngine | None = None
        self._is_ours = False
        self._direct = DirectConnections(self._connect_by_keys, pool_size, CONNECT_TIMEOUT_S)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """One transaction; raises BackendUnavailable when the database cannot be reached or used."""
        async with self._said_plainly(), self._made().begin() as connection:
            yield connection

    @asynccontextmanager
    async def single(self) -> AsyncIterator[AsyncConnection]:
        """For one statement, which is a transaction by itself: two round trips less. Raises as `begin`."""
        self._made()
        assert self._autocommit is not None
        async with self._said_plainly(), self._autocommit.connect() as connection:
            yield connection

    async def rows(self, statement: Direct, values: Mapping[str, Any]) -> list[Row]:
        """One statement, which is a transaction by itself. Raises the driver's errors, or as `begin`."""
        try:
            return await self._direct.rows(statement, values)
        except BackendUnavailable:
            self._direct.forget()
            raise
        except _AWAY as error:
            self._direct.forget()
            raise self._unavailable(error) from error

    async def row(self, statement: Direct, values: Mapping[str, Any]) -> Row | None:
        """The first row of `rows`."""
        found = await self.rows(statement, values)
        return found[0] if found else None

    @asynccontextmanager
    async def _said_plainly(self) -> AsyncIterator[None]:
        try:
            yield
        except (PoolTimeout, *_AWAY) as error:
            raise self._unavailable(error) from error
        except DBAPIError as error:
            cause = driver_error(error)
            if isinstance(cause, _AWAY) or error.connection_invalidated:
                raise self._unavailable(cause) from error
            raise

    async def close(self) -> None:
        await self._direct.close()
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    def _made(self) -> AsyncEngine:
        if self._engine is None:
            self._engine = create_async_engine(
                "postgresql+asyncpg://",
                async_creator=self._connect,
                pool_size=self._pool_size,
                max_overflow=5,
                pool_timeout=CONNECT_TIMEOUT_S,
            )
            event.listen(self._engine.sync_engine, "checkout", _refuse_closed)
            self._autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        return self._engine

    async def _connect_by_keys(self) -> asyncpg.Connection:
        return await self._connect(settings=BY_KEYS)

    async def _connect(self, *_: object, settings: Mapping[str, str] | None = None, **__: object) -> asyncpg.Connection:
        """The driver reads the address itself: SQLAlchemy's URL knows neither sslmode nor several hosts."""
        try:
            connection = await asyncpg.connect(
                self.dsn.secret,
                timeout=CONNECT_TIMEOUT_S,
                command_timeout=COMMAND_TIMEOUT_S,
                server_settings=_OURS | dict(settings or {}),
            )
            if not self._is_ours:
                await self._refuse_lent(connection)
        except (asyncpg.PostgresError, Unfit) as error:
            raise self._unavailable(error) from error
        return connection

    async def _refuse_lent(self, connection: asyncpg.Connection) -> None:
        """What one process prepares on a connection that is lent by the transaction, another one would execute, for a
        statement of its own. Raises Unfit; asked until it is known."""
        try:
            if await is_lent(connection) and await _lends_by_the_transaction(self.dsn):
                raise Unfit(f"a pooler stands before it, which lends connections by the transaction; {LENT}")
        except BaseException:
            connection.terminate()
            raise
        self._is_ours = True

    def _unavailable(self, error: BaseException) -> BackendUnavailable:
        return unavailable(error, self.dsn, CONTROL_DATABASE)


async def rows_on(connection: AsyncConnection, statement: Direct, values: Mapping[str, Any]) -> list[Row]:
    """In its transaction, where something else has been executed in it before: only that begins it."""
    pooled = await connection.get_raw_connection()
    driver = pooled.driver_connection
    assert isinstance(driver, asyncpg.Connection)
    try:
        return await statement.rows(driver, values)
    except LOST as error:
        # the pool has not seen it, and would give the dead connection to the next one
        await connection.invalidate(error)
        raise


async def _lends_by_the_transaction(dsn: Dsn) -> bool:
    one, other = [
        await asyncpg.connect(
            dsn.secret, timeout=CONNECT_TIMEOUT_S, command_timeout=CONNECT_TIMEOUT_S, statement_cache_size=0
        )
        for _ in range(2)
    ]
    try:
        return await is_lent_by_the_transaction(one, other)
    finally:
        await close(one)
        await close(other)


_AWAY = (*LOST, *UNUSABLE, *SHORT, *NO_TABLES)
"""Nobody is there, or it has no room, or it has not been installed yet."""


def _refuse_closed(connection: Any, *_: object) -> None:
    """One that ended while nobody used it (a restart, a failover, idle_session_timeout): the pool makes a new one
    instead, and nobody is told that the database is away, which is back by now."""
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError


def driver_error(error: DBAPIError) -> BaseException:
    """asyncpg's own exception behind SQLAlchemy's two layers."""
    cause = error.orig.__cause__ if error.orig is not None else None
    return cause or error.orig or error
