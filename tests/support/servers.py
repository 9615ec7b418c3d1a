"""Real servers for tests: one PostgreSQL and one Valkey a session, one database a test."""

import asyncio
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from app.embedded.binaries import find_postgres, find_valkey
from app.embedded.postgres import Postgres
from app.embedded.valkey import Valkey

TAKEN_BACK_AT_ONCE = 20
ASLEEP = (
    "SELECT pid FROM pg_stat_activity"
    " WHERE datname = current_database() AND state = 'active' AND query LIKE 'SELECT pg_sleep(%'"
)
_numbers = itertools.count(1)
_lent: dict[str, str] = {}
"""Name of a database → DSN of its server."""
_over: list[tuple[str, str]] = []


@dataclass(frozen=True)
class Servers:
    postgres: Postgres
    valkey: Valkey

    def new_database(self) -> str:
        """The DSN of an empty database of its own; it goes with the test that asked."""
        return self.copy_of("template0")

    def copy_of(self, template: str) -> str:
        """The DSN of a new database that is as `template` is, which nobody may be connected to."""
        name = self._name()
        execute(self.postgres.dsn(), f'CREATE DATABASE "{name}" TEMPLATE "{template}" {self._strategy()}')
        return self.postgres.dsn(name)

    def keep(self, name: str) -> None:
        """The database stays to the end of the session."""
        _lent.pop(name)

    def new_redis_url(self) -> str:
        """A flushed Valkey; tests of one session run one after another."""
        return self.valkey.url

    def _name(self) -> str:
        name = f"t{os.getpid()}_{next(_numbers)}"
        _lent[name] = self.postgres.dsn()
        return name

    def _strategy(self) -> str:
        """Files are copied in a third of the time that pages through the log of changes take."""
        return "STRATEGY file_copy" if self.postgres.major >= 15 else ""


def lent() -> set[str]:
    """The names of the databases that tests have now."""
    return set(_lent)


def take_back(names: set[str]) -> None:
    """Dropped in batches: the files of thousands would fill the memory that they are kept in."""
    _over.extend((name, _lent.pop(name)) for name in names)
    if len(_over) >= TAKEN_BACK_AT_ONCE:
        asyncio.run(_drop_all())


async def _drop_all() -> None:
    while _over:
        name, server = _over.pop()
        connection = await asyncpg.connect(server)
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.close()


@contextmanager
def running_servers(folder: Path) -> Iterator[Servers]:
    postgres = Postgres(folder / "pg", durable=False, servers=find_postgres(os.environ))
    valkey = Valkey(folder / "valkey", durable=False, servers=find_valkey(os.environ))
    try:
        postgres.start()
        valkey.start()
        _let_in_soon(postgres)
        yield Servers(postgres, valkey)
    finally:
        _over.clear()
        valkey.stop()
        postgres.stop()


def _let_in_soon(postgres: Postgres) -> None:
    """Tests connect tens of thousands of times, and a quarter of the time it takes is the hashing of the password."""
    if postgres.major >= 16:
        password = urlsplit(postgres.dsn()).password
        execute(postgres.dsn(), f"SET scram_iterations = 1; ALTER ROLE postgres PASSWORD '{password}'")


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


def is_asleep(dsn: str) -> bool:
    """Whether a statement that begins with pg_sleep runs in that database now."""
    return bool(fetch(dsn, ASLEEP))


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
