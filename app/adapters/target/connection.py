"""One connection to a target for one attempt: how it is opened, how a transaction begins and ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from app import failpoints
from app.adapters.postgres import LOST, how_lost, quote, refuse_missing_schema, refuse_old
from app.domain.environment import Dsn
from app.domain.signals import ConnectionLost

CONNECT_TIMEOUT_S = 10
CLOSE_TIMEOUT_S = 2
CHECK_CLIENT_FROM_VERSION = 14
WHOLE_TRANSACTION_FROM_VERSION = 17

LOCK_STATES = frozenset({"55P03", "40P01", "40001"})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the fence may be waited for, and how long we may sit idle in a transaction, in ms.

    `keep_bytes`: the most that one table of kept rows may take.
    """

    fence_ms: int = 5_000
    idle_ms: int = 600_000
    keep_bytes: int = 10 * 1024**3


async def connect(dsn: Dsn, application_name: str, scope: str = "") -> asyncpg.Connection:
    """A connection without a statement cache: a script's DDL would make cached plans stale.

    `application_name` goes into the start-up packet, so that a newer attempt can find and end this one; and `scope`,
    as the one schema in which names without a schema are looked for: what a script sets is taken back to it.
    """
    within = {"search_path": quote(scope)} if scope else {}
    connection = await asyncpg.connect(
        dsn.secret,
        timeout=CONNECT_TIMEOUT_S,
        statement_cache_size=0,
        server_settings={"application_name": application_name, **within},
    )
    try:
        refuse_old(connection)
        await refuse_missing_schema(connection, scope)
    except BaseException:
        await close(connection)
        raise
    return connection


def session_limits_sql(connection: asyncpg.Connection, lock_ms: int, statement_ms: int) -> str:
    """As `limits_sql`, for statements that have no transaction around them."""
    limits = limits_sql(connection, lock_ms, statement_ms, 0) + _as_long_as_it_takes(connection)
    return limits.replace("SET LOCAL", "SET")


@asynccontextmanager
async def transaction(connection: asyncpg.Connection, patience: Patience, then: str = "") -> AsyncIterator[None]:
    """BEGIN with our limits and `then` in the same message, then as `to_commit`."""
    await begin(connection, patience, then)
    async with to_commit(connection):
        yield


async def begin(connection: asyncpg.Connection, patience: Patience, then: str = "") -> str:
    """Open a transaction and, in the same message, do `then`; the tag of the last command. Raises ConnectionLost."""
    limits = limits_sql(connection, patience.fence_ms, 0, patience.idle_ms) + _as_long_as_it_takes(connection)
    try:
        return await connection.execute(f"BEGIN; {limits}; {then}")
    except LOST as error:
        raise ConnectionLost(how_lost(error)) from error
    except BaseException:
        await _roll_back(connection)
        raise


@asynccontextmanager
async def to_commit(connection: asyncpg.Connection, undone: str = "") -> AsyncIterator[None]:
    """COMMIT in a round trip of its own, else ROLLBACK and, in the same message, `undone`.

    Raises ConnectionLost, also when the reply to COMMIT is lost: then `steps` knows what became of it.
    """
    try:
        yield
        status = await connection.execute("COMMIT")
        failpoints.reach("commit.answered", connection)
    except BaseException as error:
        await _roll_back(connection, undone)
        if isinstance(error, LOST):
            raise ConnectionLost(how_lost(error)) from error
        raise
    if status != "COMMIT":
        raise ConnectionLost(f"COMMIT was answered with {status}")


async def close(connection: asyncpg.Connection | None) -> None:
    if connection is None or connection.is_closed():
        return
    try:
        await connection.close(timeout=CLOSE_TIMEOUT_S)
    except (TimeoutError, *LOST):
        connection.terminate()


def limits_sql(connection: asyncpg.Connection, lock_ms: int, statement_ms: int, idle_ms: int) -> str:
    """What holds in each of our transactions, as statements for the simple protocol."""
    limits = (
        f"SET LOCAL lock_timeout = {lock_ms:d}; SET LOCAL statement_timeout = {statement_ms:d}; "
        f"SET LOCAL idle_in_transaction_session_timeout = {idle_ms:d}"
    )
    if connection.get_server_version().major >= CHECK_CLIENT_FROM_VERSION:
        # a statement of a client that is gone would otherwise run on, and commit
        limits += "; SET LOCAL client_connection_check_interval = 1000"
    return limits


def _as_long_as_it_takes(connection: asyncpg.Connection) -> str:
    """What a role or a database allows each transaction of an application ends the connection, and is no failure of the
    step: it would be begun again, and end again."""
    if connection.get_server_version().major < WHOLE_TRANSACTION_FROM_VERSION:
        return ""
    return "; SET LOCAL transaction_timeout = 0"


async def _roll_back(connection: asyncpg.Connection, then: str = "") -> None:
    if connection.is_closed() or not connection.is_in_transaction():
        return
    try:
        await connection.execute(f"ROLLBACK; {then}")
    except (*LOST, asyncpg.PostgresError):
        connection.terminate()
