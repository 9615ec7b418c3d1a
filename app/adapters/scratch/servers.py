"""The servers that scratch databases stand on: how they are reached, and which databases there are ours."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import asyncpg

from app.adapters.postgres import LOST, UNUSABLE, unavailable
from app.adapters.postgres import quote as quoted
from app.adapters.scratch import statements
from app.adapters.target.connection import close, connect
from app.domain.environment import Dsn, Environment
from app.domain.errors import BackendUnavailable
from app.domain.scratch import Leftover, leftover


@asynccontextmanager
async def connected(
    environment: Environment, dsn: Dsn, refusal: Callable[[BaseException], BackendUnavailable | None] = lambda _: None
) -> AsyncIterator[asyncpg.Connection]:
    """To the database of the address itself: CREATE and DROP DATABASE are sent from there, and change nothing in it."""
    connection: asyncpg.Connection | None = None
    try:
        connection = await connect(dsn, "liftlock:scratches")
        yield connection
    except (*LOST, *UNUSABLE, asyncpg.PostgresError) as error:
        what = f"the server for scratch databases of {environment.name}"
        raise refusal(error) or unavailable(error, dsn, what) from error
    finally:
        await close(connection)


async def ours(connection: asyncpg.Connection, name: str | None = None) -> tuple[Leftover, ...]:
    found = await connection.fetch(statements.OURS, name)
    judged = (leftover(row["name"], row["comment"], row["now"], row["connections"]) for row in found)
    return tuple(one for one in judged if one is not None)


def server_of(environment: Environment) -> Dsn:
    return environment.scratch or environment.direct or environment.dsn


def named(server: Dsn, database: str) -> Dsn:
    """The same server and role, another database; a name among the parameters would win over the path."""
    parts = urlsplit(server.secret)
    query = [one for one in parse_qsl(parts.query, keep_blank_values=True) if one[0] not in ("dbname", "database")]
    rest = urlencode(query, quote_via=quote)
    return Dsn(urlunsplit((parts.scheme, parts.netloc, f"/{database}", rest, "")))


async def drop_database(connection: asyncpg.Connection, name: str) -> None:
    """Whoever is still connected is ended.

    An autovacuum worker belongs to a superuser, whom FORCE of a plain role may not end; without it the server ends
    that worker itself, and waits five seconds for anybody else.
    https://www.postgresql.org/docs/current/sql-dropdatabase.html
    """
    drop = f"DROP DATABASE IF EXISTS {quoted(name)}"
    try:
        await connection.execute(f"{drop} WITH (FORCE)")
    except asyncpg.InsufficientPrivilegeError:
        await connection.execute(drop)
