"""What a query of a migration in Python finds, a piece at a time: a large table does not fit into a worker's memory."""

from collections.abc import Generator, Iterator, Sequence
from itertools import count
from typing import Any, NoReturn, Protocol

import asyncpg

PREFETCH = 500
_numbers = count(1)


class Sender(Protocol):
    """The connection of a migration, as its cursors need it."""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str: ...

    async def fetch(self, query: str, *args: Any, timeout: float | None = None) -> list[asyncpg.Record]: ...


async def close_left(connection: asyncpg.Connection, left: set[str]) -> None:
    """Cursors that nobody asks for more: what they read could not be altered. Some may have gone with a savepoint."""
    if not left:
        return
    names = tuple(left)
    there = await connection.fetch("SELECT name FROM pg_catalog.pg_cursors WHERE name = ANY ($1)", names)
    for (name,) in there:
        await connection.execute(f"CLOSE {name}")
    left.difference_update(names)


class Rows:
    """`async for row in connection.cursor(…)`. The server keeps the query open until the last row, or until nobody
    asks for more: a table that it reads cannot be altered before.

    A cursor of SQL and not of the driver: what that prepares would stay behind with the next one whom a pooler lends
    the connection to.
    """

    def __init__(
        self, sender: Sender, left: set[str], query: str, args: Sequence[Any], prefetch: int, timeout: float | None
    ) -> None:
        self._sender = sender
        self._left = left
        self._query = query
        self._args = args
        self._prefetch = prefetch
        self._timeout = timeout
        self._name = ""
        self._piece: Iterator[asyncpg.Record] = iter(())
        self._is_last = False
        if prefetch < 1:
            raise ValueError(f"prefetch has to be at least 1, not {prefetch}")

    def __aiter__(self) -> "Rows":
        return self

    def __await__(self) -> Generator[Any, None, NoReturn]:
        raise TypeError("a cursor is not awaited; write `async for row in connection.cursor(…)`")

    async def __anext__(self) -> asyncpg.Record:
        if not self._name:
            await self._open()
        for row in self._piece:
            return row
        if not self._is_last:
            await self._go_on()
            for row in self._piece:
                return row
        raise StopAsyncIteration

    def __del__(self) -> None:
        """Whoever breaks off the loop has dropped the last reference to it."""
        if self._name and not self._is_last:
            self._left.add(self._name)

    async def _open(self) -> None:
        name = f"liftlock_rows_{next(_numbers)}"
        declared = f"DECLARE {name} NO SCROLL CURSOR FOR {self._query}"
        await self._sender.execute(declared, *self._args, timeout=self._timeout)
        self._name = name

    async def _go_on(self) -> None:
        found = await self._sender.fetch(f"FETCH {self._prefetch} FROM {self._name}", timeout=self._timeout)
        self._piece = iter(found)
        if len(found) < self._prefetch:
            self._is_last = True
            await self._sender.execute(f"CLOSE {self._name}")
