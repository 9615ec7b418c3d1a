"""Statements of every job, handed to the driver itself: SQLAlchemy's way to it costs several times the statement."""

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import TextClause

Row = Mapping[str, Any]
Connected = asyncpg.Connection | PoolConnectionProxy

_DIALECT = dialect()  # type: ignore[no-untyped-call]


class Direct:
    """Rows come as the driver gives them, jsonb as what it stands for."""

    def __init__(self, statement: TextClause) -> None:
        self._statement = statement

    async def rows(self, connection: Connected, values: Mapping[str, Any]) -> list[Row]:
        sql, names = self._compiled
        found = await connection.fetch(sql, *(values[name] for name in names))
        return [dict(row) for row in found]

    @cached_property
    def _compiled(self) -> tuple[str, tuple[str, ...]]:
        compiled = self._statement.compile(dialect=_DIALECT)
        assert isinstance(compiled, SQLCompiler)
        return str(compiled), tuple(compiled.positiontup or ())


class DirectConnections:
    """A small pool of the driver's own, for statements that are a transaction by themselves; of one event loop."""

    def __init__(self, connect: Callable[..., Any], size: int, timeout_s: float) -> None:
        self._connect = connect
        self._size = size
        self._timeout_s = timeout_s
        self._pool: asyncpg.Pool | None = None

    async def rows(self, statement: Direct, values: Mapping[str, Any]) -> list[Row]:
        """Raises what connecting raises, TimeoutError when none is free in time, and the driver's errors."""
        pool = await self._made()
        async with pool.acquire(timeout=self._timeout_s) as connection:
            return await statement.rows(connection, values)

    async def forget(self) -> None:
        """After one was lost: the others are as old, and whoever asks next gets a new one."""
        if self._pool is not None:
            await self._pool.expire_connections()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def _made(self) -> asyncpg.Pool:
        """With nothing in it, so nobody waits for anything while it is made."""
        if self._pool is None:
            self._pool = asyncpg.create_pool(
                connect=self._connect,
                init=_read_jsonb,
                # nothing here changes its session, so there is nothing to take back between two statements
                reset=_leave_as_it_is,
                min_size=0,
                max_size=self._size,
            )
            await self._pool
        return self._pool


async def _read_jsonb(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=json.loads)


async def _leave_as_it_is(_connection: object) -> None:
    pass
