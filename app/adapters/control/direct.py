"""Statements of every job, handed to the driver itself: SQLAlchemy's way to it costs several times the statement."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Any

import asyncpg
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import TextClause

from app.adapters.target.connection import close

Row = Mapping[str, Any]

BY_KEYS = {"enable_seqscan": "off", "enable_bitmapscan": "off"}
"""For sessions whose statements all find few rows by a key. They are planned once, perhaps while a table is empty: the
server would read the whole of it then, and go on doing so until it is next analyzed."""
LONGEST_IDLE_S = 300.0

_DIALECT = dialect()  # type: ignore[no-untyped-call]


class Direct:
    """Rows come as the driver gives them, jsonb as what it stands for.

    `constants` are parameters too. By a constant in its text, such as `state = 'running'`, a statement may use an index
    of only such rows: it is the smaller one when the server plans, and holds all that has gone from it later.
    """

    def __init__(self, statement: TextClause, **constants: str) -> None:
        self._statement = statement
        self._constants = constants

    async def rows(self, connection: asyncpg.Connection, values: Mapping[str, Any]) -> list[Row]:
        sql, names = self._compiled
        given = {**self._constants, **values}
        found = await connection.fetch(sql, *(given[name] for name in names))
        return [dict(row) for row in found]

    @cached_property
    def _compiled(self) -> tuple[str, tuple[str, ...]]:
        compiled = self._statement.compile(dialect=_DIALECT)
        assert isinstance(compiled, SQLCompiler)
        return str(compiled), tuple(compiled.positiontup or ())


class DirectConnections:
    """A few of the driver's own, for statements that are a transaction by themselves; of one event loop.

    Nothing here changes its session, so there is nothing to take back between two statements. What the driver's pool
    does between them is a few hundredths of the time of a job that has nothing to do (measured).
    """

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], size: int, timeout_s: float) -> None:
        self._connect = connect
        self._timeout_s = timeout_s
        self._places = asyncio.Semaphore(size)
        self._idle: list[tuple[asyncpg.Connection, float]] = []
        self._ending: set[asyncio.Task[None]] = set()

    async def rows(self, statement: Direct, values: Mapping[str, Any]) -> list[Row]:
        """Raises what connecting raises, TimeoutError when none is free in time, and the driver's errors."""
        async with asyncio.timeout(self._timeout_s):
            await self._places.acquire()
        try:
            idle, connection = self._idle, await self._free()
            try:
                found = await statement.rows(connection, values)
            except asyncpg.PostgresError:
                self._take_back(connection, idle)
                raise
            except BaseException:
                # cut off in the middle: nobody knows what it would answer next
                self._end(connection)
                raise
            self._take_back(connection, idle)
            return found
        finally:
            self._places.release()

    async def close(self) -> None:
        self.forget()
        await asyncio.gather(*self._ending)

    def forget(self) -> None:
        """After one was lost: the others are as old, and whoever asks next gets a new one."""
        idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.terminate()

    async def _free(self) -> asyncpg.Connection:
        while self._idle:
            connection, since = self._idle.pop()
            if asyncio.get_running_loop().time() - since > LONGEST_IDLE_S:
                connection.terminate()
            if not connection.is_closed():
                return connection
        connection = await self._connect()
        try:
            await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=json.loads)
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _take_back(self, connection: asyncpg.Connection, idle: list[tuple[asyncpg.Connection, float]]) -> None:
        """To those that it was lent from; they may have been forgotten meanwhile."""
        if idle is not self._idle:
            self._end(connection)
        elif not connection.is_closed():
            idle.append((connection, asyncio.get_running_loop().time()))

    def _end(self, connection: asyncpg.Connection) -> None:
        """The driver asks the server to cancel what was cut off, and must not be closed before it has: the statement
        would wait there for as long as what it waits for, and hold one of the server's connections."""
        ending = asyncio.get_running_loop().create_task(close(connection))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
