"""A worker that dies at the n-th moment of its work: before a statement is sent, or after it was answered.

Dying means what kill -9 means to the servers: connections break off, open transactions are rolled back,
and nothing more is said by this worker, not even by its clean-up code.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from app.adapters.control.database import ControlDatabase
from app.adapters.target import pooling
from app.adapters.target.connection import connect


class Died(BaseException):
    """No `except Exception` catches it, as none catches kill -9."""


class Mortal:
    """Counts moments and dies at number `at` (from 1); 0 never dies."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.moments = 0
        self.dead = False
        self.where = ""

    def moment(self, where: str) -> None:
        if self.dead:
            raise Died
        self.moments += 1
        if self.moments == self.at:
            self.dead, self.where = True, where
            raise Died


class MortalConnection:
    """An asyncpg connection whose every statement is two moments of a life."""

    def __init__(self, connection: asyncpg.Connection, life: Mortal) -> None:
        self._connection = connection
        self._life = life

    async def prepare(self, query: str, **options: Any) -> "MortalStatement":
        """A prepared statement dies like the connection it belongs to."""
        statement = await self._connection.prepare(query, **options)
        return MortalStatement(statement, self._connection, self._life)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._connection, name)
        if name not in ("execute", "fetch", "fetchrow", "fetchval", "executemany"):
            return found

        async def mortal(query: str, *args: Any, **options: Any) -> Any:
            said = " ".join(query.split())[:60]
            try:
                self._life.moment(f"before {said}")
                answer = await found(query, *args, **options)
                self._life.moment(f"after {said}")
            except Died:
                self._connection.terminate()
                raise
            return answer

        return mortal


class MortalStatement:
    def __init__(self, statement: Any, connection: asyncpg.Connection, life: Mortal) -> None:
        self._statement = statement
        self._connection = connection
        self._life = life

    def get_name(self) -> str:
        return self._statement.get_name()  # type: ignore[no-any-return]

    async def fetchrow(self, *args: Any) -> Any:
        return await self._asked(self._statement.fetchrow, *args)

    async def fetch(self, *args: Any) -> Any:
        return await self._asked(self._statement.fetch, *args)

    async def _asked(self, ask: Any, *args: Any) -> Any:
        said = " ".join(self._statement.get_query().split())[:60]
        try:
            self._life.moment(f"before {said}")
            answer = await ask(*args)
            self._life.moment(f"after {said}")
        except Died:
            self._connection.terminate()
            raise
        return answer


def make_mortal(monkeypatch: pytest.MonkeyPatch, life: Mortal) -> None:
    """Every statement to a target, and every transaction of the control database, is a moment."""

    async def mortal_connect(*args: Any) -> Any:
        life.moment("before connecting")
        return MortalConnection(await connect(*args), life)

    monkeypatch.setattr(pooling, "connect", mortal_connect)
    for name in ("begin", "single"):
        monkeypatch.setattr(ControlDatabase, name, _mortal(getattr(ControlDatabase, name), life))


def _mortal(opened: Any, life: Mortal) -> Any:
    @asynccontextmanager
    async def mortal(self: ControlDatabase) -> AsyncIterator[Any]:
        life.moment("before a control transaction")
        async with opened(self) as connection:
            yield connection
            life.moment("before a control commit")
        life.moment("after a control commit")

    return mortal
