"""The statements that every step repeats, prepared once a connection: one round trip each instead of two."""

import uuid
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from app.domain.errors import ConnectionLost

STRAYED = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)
"""What a transaction pooler answers that gave us another server connection than the one we prepared on."""


class Prepared:
    """Names carry a nonce: behind a transaction pooler no other client's statement can answer to one of ours."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._nonce = uuid.uuid4().hex
        self._count = 0
        self._known: dict[str, PreparedStatement[Any]] = {}
        self._pooled = False

    async def row(self, query: str, *args: Any) -> asyncpg.Record | None:
        """The first row. Raises ConnectionLost the first time a pooler shows itself; after it, nothing is prepared."""
        if self._pooled:
            return await self._connection.fetchrow(query, *args)
        try:
            return await (await self._statement(query)).fetchrow(*args)
        except STRAYED as error:
            self._pooled = True
            raise ConnectionLost(
                "a pooler changed the server connection; going on without prepared statements"
            ) from error

    def forget(self) -> None:
        """The session was discarded, and they with it."""
        self._known.clear()

    async def _statement(self, query: str) -> "PreparedStatement[Any]":
        known = self._known.get(query)
        if known is None:
            self._count += 1
            known = await self._connection.prepare(query, name=f"liftlock_{self._nonce}_{self._count}")
            self._known[query] = known
        return known
