"""What PostgreSQL's refusals to connect mean, and what to do about them; never with a password."""

import asyncio
import ssl
from typing import Any, Protocol

import asyncpg
from asyncpg.types import ServerVersion

from app.adapters.rights import BY_THEIR_OWNER, CONTROL, LEDGER, remedy
from app.adapters.target.introspect import OWN_SCHEMAS
from app.domain.environment import Dsn
from app.domain.errors import BackendUnavailable, BackendUnusable

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    ConnectionError,
    asyncio.TimeoutError,
    OSError,
)
"""A lost connection in its many names: pg_terminate_backend shows as ConnectionDoesNotExistError, and
asyncpg may raise InternalClientError for a socket that closed under it."""

OLDEST_MAJOR = 14
CONTROL_DATABASE = "the control database"
OWN_TABLES = "the target of liftlock-control"
"""The control database once more, while Liftlock's own tables are made or looked at."""
GO_PAST = "name a `directUrl` that goes past it"
LENT = "give the address of the server itself, or of a pooler that lends them by the session"


class ServerTooOld(Exception):
    """A major of PostgreSQL that nobody tests any more."""

    def __init__(self, major: int) -> None:
        super().__init__(f"PostgreSQL {major}")
        self.major = major


class NoSuchSchema(Exception):
    """A target is a schema, and its database has none of that name."""

    def __init__(self, schema: str) -> None:
        super().__init__(schema)
        self.schema = schema


class Unfit(Exception):
    """A target that answers and cannot be worked on; its text says why, and what to do about it."""


async def refuse_missing_schema(connection: "_WithAnswers", schema: str) -> None:
    """Raises NoSuchSchema. "" is every schema of the database, and Liftlock makes its own by itself."""
    if schema not in ("", *OWN_SCHEMAS) and not await connection.fetchval(
        "SELECT to_regnamespace($1) IS NOT NULL", quote(schema)
    ):
        raise NoSuchSchema(schema)


def refuse_old(connection: "_WithVersion") -> None:
    """Raises ServerTooOld: what holds of later servers is not known to hold there."""
    major = connection.get_server_version().major
    if major < OLDEST_MAJOR:
        raise ServerTooOld(major)


class _WithVersion(Protocol):
    def get_server_version(self) -> ServerVersion: ...


class _WithAnswers(Protocol):
    async def fetchval(self, query: str, *values: object) -> Any: ...


UNUSABLE = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,
    ssl.SSLError,
    ServerTooOld,
    NoSuchSchema,
    Unfit,
)

NO_TABLES = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)
"""Liftlock's own tables, or their schema, are not there: not yet, or not any more."""

SHORT = (asyncpg.DiskFullError, asyncpg.OutOfMemoryError)
"""Its server lacks what the statement takes: of a migration the step's own failure, else as if it were away."""

LASTING = (
    ServerTooOld,
    NoSuchSchema,
    Unfit,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.UndefinedObjectError,
)
"""Refusals that only a person can change."""


def unavailable(error: BaseException, dsn: Dsn, what: str) -> BackendUnavailable:
    """`what` names the database to people: 'the control database', 'the target of staging'."""
    kind = BackendUnusable if isinstance(error, LASTING) else BackendUnavailable
    return kind(
        f"{what} ({dsn}) cannot be used: {_reason(error, dsn, what)}",
        next_steps=(f"psql '{dsn}' -c 'select 1'",),
        facts={"backend": "postgresql", "which": what, "address": str(dsn)},
    )


def how_lost(error: BaseException) -> str:
    """The driver's own words, but where they are about its inside: so it calls a server that died in the middle."""
    if isinstance(error, asyncpg.InternalClientError):
        return "the connection broke off in the middle of a statement; is its server running?"
    return f"{type(error).__name__}: {error}"


def quote(identifier: str) -> str:
    """A PostgreSQL identifier, quoted: the one place that does it."""
    return '"' + identifier.replace('"', '""') + '"'


def _reason(error: BaseException, dsn: Dsn, what: str) -> str:
    match error:
        case asyncpg.InvalidCatalogNameError():
            return f"there is no database {dsn.database!r} on that server; create it, or correct the URL"
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return f"the server refused the user {dsn.user!r} or its password; correct the URL"
        case asyncpg.InsufficientPrivilegeError():
            said = " ".join(str(error).split())
            return f"the role {dsn.user!r} may not do this ({said}); {_right(str(error), dsn, what)}"
        case ServerTooOld():
            return (
                f"it is PostgreSQL {error.major}, and {OLDEST_MAJOR} is the oldest that Liftlock works with; upgrade it"
            )
        case NoSuchSchema():
            return f"there is no schema {error.schema!r} in it; create it, or correct `scope`"
        case Unfit():
            return str(error)
        case asyncpg.TooManyConnectionsError():
            return f"it has no connection left; {_whose_limit(str(error), dsn)} or stop other clients"
        case asyncpg.ReadOnlySQLTransactionError():
            return (
                "it is read-only (a standby, or default_transaction_read_only is on); give the address of the primary, "
                "or take the setting back"
            )
        case asyncpg.DiskFullError() | asyncpg.OutOfMemoryError():
            return _no_room(error)
        case asyncpg.LockNotAvailableError():
            return "somebody holds a lock on a part of it; look in pg_locks for AccessExclusiveLock, then ask again"
        case asyncpg.UndefinedTableError() | asyncpg.InvalidSchemaNameError():
            return "Liftlock's own tables are not there yet; they are created at start, look at the service's log"
        case _:
            return _no_answer(error, what)


def _no_room(error: asyncpg.DiskFullError | asyncpg.OutOfMemoryError) -> str:
    said = str(error).partition("\n")[0]
    if isinstance(error, asyncpg.DiskFullError):
        return f"its disk is full ({said}); make room there, then ask again"
    return f"its server is out of memory ({said}); stop what takes it there, then ask again"


def _whose_limit(said: str, dsn: Dsn) -> str:
    """A role and a database may have limits of their own below the server's."""
    if said.startswith("too many connections for role"):
        return f"raise the role's own limit (ALTER ROLE {quote(dsn.user)} CONNECTION LIMIT -1)"
    if said.startswith("too many connections for database"):
        return f"raise the database's own limit (ALTER DATABASE {quote(dsn.database)} CONNECTION LIMIT -1)"
    return "raise max_connections"


def _right(said: str, dsn: Dsn, what: str) -> str:
    """A service that does not own its tables is not meant to make them, nor to be granted what that takes; one that
    may make nothing in its database has none yet."""
    if what == OWN_TABLES and "permission denied for database" not in said:
        return BY_THEIR_OWNER
    return remedy(said, dsn.user, CONTROL if what == CONTROL_DATABASE else LEDGER, quote)


def _past(what: str) -> str:
    return GO_PAST if what not in (CONTROL_DATABASE, OWN_TABLES) else "give the address of the server itself"


def _no_answer(error: BaseException, what: str) -> str:
    match error:
        case asyncio.TimeoutError():
            return "it did not answer in time; is it running, and reachable from here?"
        case ConnectionRefusedError():
            return "nothing listens there; start PostgreSQL, or correct host and port"
        case asyncpg.CannotConnectNowError():
            return "it is starting up or shutting down; it is tried again"
        case asyncpg.UndefinedObjectError() if "configuration parameter" in str(error):
            return f"its URL sets what is no setting of the server ({error}); take it out of the URL"
        case asyncpg.ProtocolViolationError() if "startup parameter" in str(error):
            return f"a pooler stands before it, which passes on no settings of a session ({error}); {_past(what)}"
        case _:
            return how_lost(error)
