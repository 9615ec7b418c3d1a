"""Looks at PostgreSQL and Redis as the service would use them, for `liftlock doctor`."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from app.adapters.lease import ask_for_a_write, connect_redis
from app.adapters.postgres import LOST, OLDEST_MAJOR, UNUSABLE, quote, unavailable
from app.cli.local.finding import Finding, bad, good
from app.domain.environment import Dsn

CONNECT_TIMEOUT_S = 5
MOST_SKEW_S = 5

_ABOUT = """
SELECT current_database() AS database, current_user AS role, clock_timestamp() AS now, pg_is_in_recovery() AS standby,
       current_setting('transaction_read_only') = 'on' AS read_only,
       has_database_privilege(current_database(), 'CREATE') AS may_create,
       EXISTS (SELECT FROM pg_namespace WHERE nspname = 'liftlock_control') AS installed,
       COALESCE((SELECT bool_and(has_schema_privilege(oid, 'USAGE')) FROM pg_namespace
                 WHERE nspname IN ('liftlock', 'liftlock_control')), true) AS may_use
"""


def look_at_database(address: str) -> list[Finding]:
    """An address of `postgresql://` alone means PGHOST, PGDATABASE and their like."""
    return asyncio.run(_database(address))


def look_at_redis(address: str) -> list[Finding]:
    return asyncio.run(_redis(address))


async def _database(address: str) -> list[Finding]:
    dsn = Dsn(address)
    if (wrong := _misspelt(address)) is not None:
        return [bad("DATABASE_URL", f"DATABASE_URL is not understood: {wrong}", "postgresql://user@host:5432/database")]
    try:
        connection = await asyncpg.connect(address, timeout=CONNECT_TIMEOUT_S, statement_cache_size=0)
    except (*UNUSABLE, *LOST, asyncpg.PostgresError, ValueError) as error:
        why = unavailable(error, dsn, "the database")
        return [bad("DATABASE_URL", why.detail, why.next_steps[0])]
    try:
        about = await connection.fetchrow(_ABOUT)
        return [*_version(connection.get_server_version().major), *_judged(dsn, about)]
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)


def _misspelt(address: str) -> str | None:
    """Never with the address: it may hold a password."""
    try:
        scheme = urlsplit(address).scheme
    except ValueError as error:
        return str(error)
    return None if scheme in ("postgresql", "postgres") else f"it begins with {address.partition(':')[0][:20]!r}"


def _version(major: int) -> list[Finding]:
    if major >= OLDEST_MAJOR:
        return [good("DATABASE_URL", f"PostgreSQL {major} answers")]
    return [bad("DATABASE_URL", f"it is PostgreSQL {major}", f"upgrade it to {OLDEST_MAJOR} or later")]


def _judged(dsn: Dsn, about: Any) -> list[Finding]:
    found: list[Finding] = []
    if about["standby"]:
        found.append(bad("primary", f"{dsn} is a standby, where nothing can be changed", "name the primary"))
    elif about["read_only"]:
        undo = f"ALTER ROLE {quote(about['role'])} SET default_transaction_read_only = off"
        found.append(bad("primary", f"{dsn} has default_transaction_read_only on: nothing can be changed", undo))
    # Liftlock makes a schema for itself; where it is there already, nothing more is needed for that
    if not about["may_use"]:
        said = f"{about['role']} may not use Liftlock's own tables in {about['database']}"
        found.append(bad("rights", said, "connect as the role that owns them, or grant what deploy/roles.sql does"))
    elif about["installed"]:
        found.append(good("rights", f"{about['role']} may use Liftlock's own tables in {about['database']}"))
    elif about["may_create"]:
        found.append(good("rights", f"{about['role']} may make schemas in {about['database']}"))
    else:
        grant = f"GRANT CREATE ON DATABASE {quote(about['database'])} TO {quote(about['role'])}"
        found.append(bad("rights", f"{about['role']} may not make schemas in {about['database']}", grant))
    skew = abs((datetime.now(UTC) - about["now"]).total_seconds())
    if skew > MOST_SKEW_S:
        found.append(bad("clock", f"the database's clock is {skew:.0f} s away from this one's", "run an NTP client"))
    return found


async def _redis(address: str) -> list[Finding]:
    try:
        redis = connect_redis(address)
    except ValueError as error:
        return [bad("REDIS_URL", f"REDIS_URL is not understood: {error}", "redis://host:6379/0")]
    try:
        await ask_for_a_write(redis)
    except AuthenticationError:
        return [bad("REDIS_URL", "it answers, and refuses the user or the password", "correct REDIS_URL")]
    except ResponseError as error:
        why = f"it answers, and takes nothing ({error}); jobs are accepted and wait until it does"
        return [bad("REDIS_URL", why, "free memory or raise maxmemory, let the user write, or name the primary")]
    except (RedisError, OSError) as error:
        why = f"it cannot be reached ({type(error).__name__}); jobs are accepted and wait until it is back"
        return [bad("REDIS_URL", why, "start Redis or Valkey, or correct REDIS_URL")]
    finally:
        await redis.aclose()
    return [good("REDIS_URL", "answers")]
