"""Databases of a benchmark's own on the stack's PostgreSQL, and the few statements sent to them by hand."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import asyncpg

EMPTIED = "DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS liftlock CASCADE"

_numbers = itertools.count(1)


def execute(dsn: str, *statements: str) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(work())


def fetch(dsn: str, sql: str, *args: object) -> list[asyncpg.Record]:
    async def work() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(dsn)
        try:
            return list(await connection.fetch(sql, *args))
        finally:
            await connection.close()

    return asyncio.run(work())


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The DSN of an empty database on the server of another DSN; dropped afterwards."""
    name = f"bench_{next(_numbers)}"
    execute(server, f"CREATE DATABASE {name}", "CHECKPOINT")
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def empty_target(dsn: str) -> None:
    """As good as a fresh database: nothing of the migrations, no ledger, no dead rows in the catalogs."""
    execute(dsn, EMPTIED, "VACUUM", "CHECKPOINT")
