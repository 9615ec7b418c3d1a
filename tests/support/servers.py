"""Real servers for tests: one PostgreSQL and one Valkey a session, one database a test."""

import asyncio
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from app.embedded.binaries import find_postgres, find_valkey
from app.embedded.postgres import Postgres
from app.embedded.valkey import Valkey

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Servers:
    postgres: Postgres
    valkey: Valkey

    def new_database(self) -> str:
        """The DSN of an empty database of its own."""
        return self.postgres.create_database(f"t{os.getpid()}_{next(_numbers)}")

    def copy_of(self, template: str) -> str:
        """The DSN of a new database that is as `template` is, which nobody may be connected to."""
        name = f"t{os.getpid()}_{next(_numbers)}"
        execute(self.postgres.dsn(), f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.postgres.dsn(name)

    def new_redis_url(self) -> str:
        """A flushed Valkey; tests of one session run one after another."""
        return self.valkey.url


@contextmanager
def running_servers(folder: Path) -> Iterator[Servers]:
    postgres = Postgres(folder / "pg", durable=False, servers=find_postgres(os.environ))
    valkey = Valkey(folder / "valkey", durable=False, servers=find_valkey(os.environ))
    try:
        postgres.start()
        valkey.start()
        yield Servers(postgres, valkey)
    finally:
        valkey.stop()
        postgres.stop()


def execute(dsn: str, sql: str, *args: object) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(sql, *args)
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


def value(dsn: str, sql: str, *args: object) -> object:
    rows = fetch(dsn, sql, *args)
    return rows[0][0] if rows else None


@contextmanager
def held(dsn: str, statement: str, application: str) -> Iterator[int]:
    """Another session that has done `statement` in a transaction it leaves open; its pid."""
    loop = asyncio.new_event_loop()

    async def begin() -> asyncpg.Connection:
        connection = await asyncpg.connect(dsn, server_settings={"application_name": application})
        await connection.execute(f"BEGIN; {statement}")
        return connection

    connection = loop.run_until_complete(begin())
    try:
        yield connection.get_server_pid()
    finally:
        loop.run_until_complete(connection.close())
        loop.close()
