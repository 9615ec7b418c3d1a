"""Looks whether a target can be worked on: who we are there, what we may do, whether it takes changes at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from app.adapters.postgres import GO_PAST, LASTING, LOST, UNUSABLE, Unfit, quote, unavailable
from app.adapters.target.connection import close, connect
from app.adapters.target.queries import HAS_LEDGER
from app.domain.environment import Dsn, Environment
from app.domain.errors import BackendUnusable
from app.domain.job import JobKind

ANSWER_S = 3.0
"""For all of it: whoever asks is waiting."""

_STANDING = f"""
    SELECT current_user AS role, current_database() AS database, {HAS_LEDGER.strip().removeprefix("SELECT ")} AS ledger,
           current_setting('transaction_read_only')::boolean AS read_only,
           pg_catalog.has_database_privilege(current_database(), 'CREATE') AS may_make_schemas,
           CASE WHEN $1 = '' THEN true ELSE pg_catalog.has_schema_privilege($1, 'CREATE') END AS may_make_tables
"""
"""On a standby every transaction is read-only, whatever is set."""

_MAY_WRITE_LEDGER = """
    SELECT pg_catalog.has_schema_privilege('liftlock', 'USAGE') AND bool_and(
        pg_catalog.has_table_privilege(c.oid, 'INSERT') AND (
            c.relname IN ('job_done', 'migration_events') OR pg_catalog.has_table_privilege(c.oid, 'UPDATE')))
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'liftlock' AND c.relname IN ('fence', 'migrations', 'job_done', 'migration_events')
"""
_PASSING = (asyncpg.TooManyConnectionsError, asyncpg.CannotConnectNowError)
"""What ends by itself: whoever answers so is only away."""

_DATABASE = "SELECT oid::bigint, datname FROM pg_catalog.pg_database WHERE datname = current_database()"
_SERVER = "SELECT system_identifier FROM pg_catalog.pg_control_system()"


@dataclass(frozen=True, slots=True)
class _Identity:
    """`server`: the same for a server and those that replicate it; None where we may not ask."""

    server: int | None
    oid: int
    name: str

    def is_other_than(self, other: "_Identity") -> bool:
        if None in (self.server, other.server):
            return (self.oid, self.name) != (other.oid, other.name)
        return (self.server, self.oid) != (other.server, other.oid)


class PostgresFitness:
    """Implements ports.Fitness."""

    async def refuse_unfit(self, environment: Environment, kind: JobKind) -> None:
        """Without a `directUrl` there is nothing to compare, and who cannot be reached is away."""
        direct = environment.direct
        if direct is None:
            error, _ = await _tried(_worked_on(environment.dsn, environment, kind))
            _refuse(error, environment.dsn, environment, also=(asyncpg.ReadOnlySQLTransactionError,))
            return
        (away, read), (error, worked_on) = await asyncio.gather(
            _tried(_identity_at(environment.dsn)), _tried(_worked_on(direct, environment, kind))
        )
        _refuse(away, environment.dsn, environment)
        if away is None:
            _refuse(error, direct, environment, also=(Exception,))
        if read is not None and worked_on is not None and read.is_other_than(worked_on):
            elsewhere = Unfit(
                f"its directUrl leads to another database ({worked_on.name!r}) than its url ({read.name!r}: "
                f"{environment.dsn}); correct one of them"
            )
            _refuse(elsewhere, direct, environment)


async def _tried(look: Awaitable[_Identity]) -> tuple[Exception | None, _Identity | None]:
    try:
        async with asyncio.timeout(ANSWER_S):
            return None, await look
    except (*LOST, *UNUSABLE, asyncpg.PostgresError) as error:
        return error, None


def _refuse(
    error: Exception | None, dsn: Dsn, environment: Environment, also: tuple[type[Exception], ...] = ()
) -> None:
    """What a person has to change, and what is `also` to be held for such. Raises BackendUnusable."""
    if error is None:
        return
    said = unavailable(error, dsn, f"the target of {environment.name}")
    if isinstance(error, (*LASTING, *also)) and not isinstance(error, _PASSING):
        raise BackendUnusable(said.detail, next_steps=said.next_steps, facts=said.facts) from error


async def _worked_on(dsn: Dsn, environment: Environment, kind: JobKind) -> _Identity:
    """As a worker connects. Raises what PostgreSQL would say to it, or Unfit."""
    async with _connected(dsn, environment.scope) as connection:
        found = await connection.fetchrow(_STANDING, environment.scope)
        assert found is not None
        if found["read_only"]:
            raise asyncpg.ReadOnlySQLTransactionError("cannot change anything in a read-only transaction")
        if not found["ledger"] and not found["may_make_schemas"]:
            raise asyncpg.InsufficientPrivilegeError(f"permission denied for database {found['database']}")
        if found["ledger"] and not await connection.fetchval(_MAY_WRITE_LEDGER):
            raise Unfit(_lacks(found["role"], "write Liftlock's ledger in it", "ALL ON ALL TABLES IN SCHEMA liftlock"))
        if kind.goes_up and not found["may_make_tables"]:
            on = f"CREATE ON SCHEMA {quote(environment.scope)}"
            raise Unfit(_lacks(found["role"], f"create anything in its schema {environment.scope!r}", on))
        return await _identity(connection)


def _lacks(role: str, what: str, right: str) -> str:
    return f"the role {role!r} may not {what}; as its owner run: GRANT {right} TO {quote(role)}"


async def _identity_at(dsn: Dsn) -> _Identity:
    async with _connected(dsn) as connection:
        return await _identity(connection)


async def _identity(connection: asyncpg.Connection) -> _Identity:
    database = await connection.fetchrow(_DATABASE)
    assert database is not None
    try:
        server = await connection.fetchval(_SERVER)
    except asyncpg.InsufficientPrivilegeError:
        server = None
    return _Identity(server, database["oid"], database["datname"])


@asynccontextmanager
async def _connected(dsn: Dsn, scope: str = "") -> AsyncIterator[asyncpg.Connection]:
    try:
        connection = await connect(dsn, "liftlock:roll-call", scope)
    except asyncpg.ProtocolViolationError as error:
        if "startup parameter" not in str(error):
            raise
        raise Unfit(f"a pooler stands before it, which passes on no schema to work in ({error}); {GO_PAST}") from error
    try:
        yield connection
    finally:
        await close(connection)
