"""Identities that nobody but the server may set, but for kept values that go back."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import asyncpg

from app.adapters.postgres import quote

_GENERATED_KEYS = """
    SELECT attname AS name FROM pg_attribute
    WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = 'a'
"""


@asynccontextmanager
async def settable(connection: asyncpg.Connection, table: str, columns: Collection[str]) -> AsyncIterator[None]:
    """With identities among `columns` that a statement may set."""
    always = {row["name"] for row in await connection.fetch(_GENERATED_KEYS, table)}
    names = [name for name in columns if name in always]
    for name in names:
        await _identity(connection, table, name, "BY DEFAULT")
    yield
    for name in names:
        await _identity(connection, table, name, "ALWAYS")


async def _identity(connection: asyncpg.Connection, table: str, column: str, generated: str) -> None:
    await connection.execute(f"ALTER TABLE {table} ALTER COLUMN {quote(column)} SET GENERATED {generated}")
