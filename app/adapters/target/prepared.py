"""Statements that are repeated, prepared once a connection: one round trip each instead of two, and parsed once."""

import uuid
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from app.domain.signals import ConnectionLost

STRAYED = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)
"""What a transaction pooler answers that gave us another server connection than the one we prepared on."""

POOLED = "a pooler changed the server connection; going on without prepared statements"

Constant = str | int | bytes | uuid.UUID | bool | list[str] | None


class Rows(Protocol):
    """Sends a statement and gives its rows: prepared or not, as the connection can."""

    def __call__(self, query: str, *args: Any) -> Awaitable[Sequence[asyncpg.Record]]: ...


class Prepared:
    """Names carry a nonce: behind a transaction pooler no other client's statement can answer to one of ours."""

    def __init__(self, connection: asyncpg.Connection, *, pooled: bool = False) -> None:
        self._connection = connection
        self._nonce = uuid.uuid4().hex
        self._count = 0
        self._known: dict[str, PreparedStatement[Any]] = {}
        self._pooled = pooled
        self._doubted = False

    async def row(self, query: str, *args: Any) -> asyncpg.Record | None:
        """The first row. Raises ConnectionLost the first time a pooler shows itself; after it, nothing is prepared."""
        if self._plain:
            return await self._connection.fetchrow(query, *args)
        with self._noticing_poolers():
            return await (await self._statement(query)).fetchrow(*args)

    async def rows(self, query: str, *args: Any) -> Sequence[asyncpg.Record]:
        """All of them; else as `row`."""
        if self._plain:
            return await self._connection.fetch(query, *args)
        with self._noticing_poolers():
            return await (await self._statement(query)).fetch(*args)

    async def call(self, query: str, *args: Constant) -> str | None:
        """The statement as text that runs what is prepared, to go into one message with others.

        None behind a pooler, where the message may meet a connection that does not know it (before one is known to be
        there, what it raises is one of STRAYED), and while it is in doubt.
        """
        if self._plain:
            return None
        statement = await self._statement(query)
        return f"EXECUTE {statement.get_name()} ({', '.join(literal(value) for value in args)})"

    def strayed(self) -> None:
        """A pooler has shown itself; from now on nothing is prepared."""
        self._pooled = True

    def doubt(self) -> None:
        """A script that runs now may deallocate them: until `forget`, all is sent as it is."""
        self._doubted = True

    def forget(self) -> None:
        """The session was discarded, and they with it."""
        self._known.clear()
        self._doubted = False

    @property
    def _plain(self) -> bool:
        return self._pooled or self._doubted

    @contextmanager
    def _noticing_poolers(self) -> Iterator[None]:
        try:
            yield
        except STRAYED as error:
            self.strayed()
            raise ConnectionLost(POOLED) from error

    async def _statement(self, query: str) -> "PreparedStatement[Any]":
        known = self._known.get(query)
        if known is None:
            self._count += 1
            known = await self._connection.prepare(query, name=f"liftlock_{self._nonce}_{self._count}")
            self._known[query] = known
        return known


def literal(value: Constant) -> str:
    """A constant of SQL that means `value` whatever standard_conforming_strings says; a NUL is nowhere in ours."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case list():
            return f"ARRAY[{', '.join(literal(one) for one in value)}]::text[]"
        case int():
            return str(value)
        case bytes():
            return f"decode('{value.hex()}', 'hex')"
        case uuid.UUID():
            return f"'{value}'"
        case str():
            doubled = value.replace("'", "''")
            return f"'{doubled}'" if "\\" not in value else "E'" + doubled.replace("\\", "\\\\") + "'"
