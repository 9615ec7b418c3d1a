"""One scratch database: made like the target, filled, looked at, dropped."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import structlog

from app.adapters.postgres import LOST, UNUSABLE, unavailable
from app.adapters.postgres import quote as quoted
from app.adapters.scratch import rows, statements
from app.adapters.scratch.copying import (
    DumpFailed,
    NotReplayed,
    by_dump,
    by_replay,
    by_snapshot,
    close_to_others,
    like_public,
)
from app.adapters.scratch.dump import PgDump
from app.adapters.scratch.locks import locks_of
from app.adapters.scratch.servers import connected, drop_database, server_of
from app.adapters.target.connection import close, connect
from app.adapters.target.incremental import SchemaReader
from app.adapters.target.introspect import read_places
from app.domain.effects.passage import Place
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable, BackendUnusable
from app.domain.job import Attempt
from app.domain.lock_modes import Lock
from app.domain.proof import Rows
from app.domain.schema import Key, Snapshot
from app.domain.scratch import PREFIX, Copied, CopyWay, scratch_comment
from app.domain.seeding import quoted as literal

log = structlog.get_logger()


class PostgresScratch:
    """Implements ports.Scratch. `target` is only read, and never by a connection that runs a migration."""

    def __init__(self, target: Environment, scratch: Environment, attempt: Attempt, dump: PgDump) -> None:
        self._target = target
        self.environment = scratch
        self._attempt = attempt
        self._dump = dump
        self._name = scratch.dsn.database
        self._connection: asyncpg.Connection | None = None
        self._created = False
        self._refused: tuple[str, ...] = ()
        self._seeded: set[str] = set()
        self._reader: tuple[asyncpg.Connection, SchemaReader] | None = None
        self.server_version = ""

    async def create(self) -> None:
        """Like the target's: encoding, collation, and the settings that were given to that database."""
        assert self._name.startswith(PREFIX)
        async with connected(self._target, self._target.worked_at) as target:
            like = await target.fetchrow(statements.LIKE_WHICH)
            settings = [row["one"] for row in await target.fetch(statements.SETTINGS)]
        async with self._on_server() as server:
            await self._create_on(server, like, settings)
        self._connection = await self._connect()

    async def fill(self, snapshot: Snapshot, is_halted: Callable[[], bool]) -> Copied:
        async with self._said_plainly():
            copied = await self._copied(snapshot, is_halted)
            connection = await self._fresh()
            closed = await close_to_others(connection)
            return replace(copied, notices=(*copied.notices, *self._refused, *closed))

    async def snapshot(self) -> Snapshot:
        """By a reader that reads again only what has changed: of a large schema most stays."""
        async with self._said_plainly():
            await self._opened().execute("SET statement_timeout = 0")
            return await self._reader_on(self._opened()).read()

    async def seed(self) -> tuple[str, ...]:
        async with self._said_plainly():
            return await rows.seed(self._opened(), self._seeded)

    async def rows(self) -> Mapping[str, Rows]:
        async with self._said_plainly():
            return await rows.rows(self._opened())

    async def places(self) -> Mapping[Key, Place]:
        async with self._said_plainly():
            return await read_places(self._opened(), self.environment.scope)

    async def locks(self, pid: int) -> tuple[Lock, ...]:
        async with self._said_plainly():
            return await locks_of(self._opened(), pid)

    async def drop(self) -> None:
        """Whatever happens here, the job has its verdicts: what cannot be dropped now is dropped by the purge."""
        await close(self._connection)
        if not self._created:
            return
        try:
            async with self._on_server() as server:
                await drop_database(server, self._name)
        except BackendUnavailable as error:
            log.warning("scratch.not_dropped", database=self._name, why=error.detail)

    async def _create_on(self, server: asyncpg.Connection, like: Any, settings: list[str]) -> None:
        name = quoted(self._name)
        made_at = await server.fetchval(statements.SERVER_NOW)
        await server.execute(f"CREATE DATABASE {name} TEMPLATE template0 {_as(like, server)}")
        self._created = True
        comment = scratch_comment(self._attempt.job_id, made_at)
        await server.execute(f"COMMENT ON DATABASE {name} IS {literal(comment)}")
        self._refused = tuple([said for one in settings if (said := await self._set(server, one)) is not None])

    async def _set(self, server: asyncpg.Connection, one: str) -> str | None:
        """Why a setting of the target was not given to the scratch database: some are for superusers alone."""
        setting, _, value = one.partition("=")
        given = value if setting in statements.LISTS else literal(value)
        try:
            await server.execute(f"ALTER DATABASE {quoted(self._name)} SET {setting} TO {given or literal('')}")
        except asyncpg.PostgresError as error:
            if isinstance(error, LOST):
                raise
            return f"not carried over: the setting {one} ({error})"
        return None

    async def _copied(self, snapshot: Snapshot, is_halted: Callable[[], bool]) -> Copied:
        """The best way that can be gone; why not a better one is said."""
        elsewhere, why = self._target.scratch is not None, []
        await like_public(self._opened(), snapshot)
        target = self._target.worked_at
        try:
            return await by_dump(self._opened(), self._dump, target, elsewhere, is_halted)
        except DumpFailed as error:
            if is_halted():
                return Copied(CopyWay.DUMP, ("copying was stopped",))
            why.append(f"the schema was not dumped: {error}")
        try:
            async with connected(self._target, target) as connection:
                return _after(why, await by_replay(self._opened(), connection, self._target))
        except NotReplayed as error:
            why.append(f"the migrations were not replayed: {error}")
        await self._again()
        await like_public(self._opened(), snapshot)
        return _after(why, await by_snapshot(self._opened(), snapshot))

    async def _again(self) -> None:
        """Empty, after an attempt that has left half a schema."""
        await close(self._connection)
        async with self._on_server() as server:
            await drop_database(server, self._name)
            self._created = False
        await self.create()

    async def _fresh(self) -> asyncpg.Connection:
        """A dump leaves settings behind in its session."""
        await close(self._connection)
        self._connection = await self._connect()
        return self._connection

    async def _connect(self) -> asyncpg.Connection:
        """Raises AssertionError rather than work in another database than ours, whatever an address may say."""
        connection = await connect(self.environment.dsn, f"liftlock:scratch={self._attempt.job_id}")
        assert await connection.fetchval("SELECT current_database()") == self._name
        version = connection.get_server_version()
        self.server_version = f"{version.major}.{version.minor}"
        return connection

    def _reader_on(self, connection: asyncpg.Connection) -> SchemaReader:
        if self._reader is None or self._reader[0] is not connection:
            self._reader = connection, SchemaReader(connection, self.environment.scope)
        return self._reader[1]

    def _opened(self) -> asyncpg.Connection:
        assert self._connection is not None
        return self._connection

    def _on_server(self) -> Any:
        return connected(self._target, server_of(self._target), self._refusal)

    def _refusal(self, error: BaseException) -> BackendUnavailable | None:
        if not isinstance(error, asyncpg.InsufficientPrivilegeError):
            return None
        dsn = server_of(self._target)
        return BackendUnusable(
            f"the role {dsn.user!r} may not create a scratch database ({error}); as an administrator of {dsn} run: "
            f"ALTER ROLE {quoted(dsn.user)} CREATEDB, or name another server as `scratchUrl` of {self._target.name}",
            next_steps=(
                f"psql: ALTER ROLE {quoted(dsn.user)} CREATEDB",
                f'or in liftlock.toml: [environments.{self._target.name}] scratchUrl = "postgresql://…/postgres"',
            ),
            facts={"backend": "postgresql", "address": str(dsn)},
        )

    @asynccontextmanager
    async def _said_plainly(self) -> AsyncIterator[None]:
        try:
            yield
        except (*LOST, *UNUSABLE, asyncpg.PostgresError) as error:
            raise unavailable(error, self.environment.dsn, "the scratch database") from error


def _as(like: Any, server: asyncpg.Connection) -> str:
    """The options of CREATE DATABASE; a server that is older than providers of locales knows libc alone."""
    options = [f"ENCODING {literal(like['encoding'])}"]
    options += [f"LC_COLLATE {literal(like['collate'])}", f"LC_CTYPE {literal(like['ctype'])}"]
    provider, major = like["provider"], server.get_server_version().major
    if provider == "i":
        options.append(f"LOCALE_PROVIDER icu ICU_LOCALE {literal(like['locale'])}")
        if like["rules"]:
            options.append(f"ICU_RULES {literal(like['rules'])}")
    elif provider == "b" and major >= 17:
        options.append(f"LOCALE_PROVIDER builtin BUILTIN_LOCALE {literal(like['locale'])}")
    elif major >= 15:
        options.append("LOCALE_PROVIDER libc")
    return " ".join(options)


def _after(why: list[str], copied: Copied) -> Copied:
    return replace(copied, notices=(*why, *copied.notices))
