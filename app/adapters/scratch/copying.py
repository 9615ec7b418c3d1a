"""Three ways for a schema into a scratch database: a dump, the recorded migrations, or SQL made from a snapshot."""

from collections.abc import Callable, Sequence

import asyncpg

from app.adapters.postgres import LOST, NO_TABLES
from app.adapters.scratch import statements
from app.adapters.scratch.dump import DumpFailed, PgDump
from app.domain.environment import Dsn, Environment
from app.domain.migration import SqlScript
from app.domain.schema import EMPTY, Snapshot
from app.domain.schema_diff import adopting, diff
from app.domain.scratch import Copied, CopyWay, reaches_outside
from app.domain.statements import parse_script

MOST_SAID = 20
_PUBLIC = "CREATE SCHEMA IF NOT EXISTS public"


class NotReplayed(Exception):
    """The recorded migrations do not make a schema; the text says why."""


async def by_dump(
    connection: asyncpg.Connection, dump: PgDump, target: Dsn, elsewhere: bool, is_halted: Callable[[], bool]
) -> Copied:
    """Raises DumpFailed. All at once, and statement by statement where one of them is refused."""
    major = connection.get_server_version().major
    text = await dump.schema(target, major, elsewhere, is_halted)
    try:
        await connection.execute(text)
        return Copied(CopyWay.DUMP)
    except asyncpg.PostgresError as error:
        if isinstance(error, LOST):
            raise
    refused = await _one_by_one(connection, [statement.text for statement in parse_script(text).statements])
    return Copied(CopyWay.DUMP, refused)


async def by_replay(connection: asyncpg.Connection, target: asyncpg.Connection, environment: Environment) -> Copied:
    """The ups of the ledger in their order. Raises NotReplayed where one is no SQL, or fails."""
    try:
        recorded = await target.fetch(statements.RECORDED, environment.scope)
    except NO_TABLES:
        recorded = []
    if not recorded:
        raise NotReplayed("its ledger has no migration")
    notices: list[str] = []
    for row in recorded:
        if row["source_format"] == "python" or not row["up"].strip():
            raise NotReplayed(f"the ledger has no SQL of {row['name']}")
        script = SqlScript(row["up"], f"(ledger) {row['name']}")
        outside = reaches_outside(script)
        if outside is not None:
            raise NotReplayed(f"{row['name']} changes more than its database: {outside}")
        for statement in script.parsed.statements:
            try:
                await connection.execute(statement.text)
            except asyncpg.PostgresError as error:
                if isinstance(error, LOST):
                    raise
                raise NotReplayed(f"{row['name']} cannot be run again: {error}") from error
        await connection.execute("RESET SESSION AUTHORIZATION; RESET ALL; DISCARD TEMP")
    return Copied(CopyWay.REPLAY, tuple(notices))


async def by_snapshot(connection: asyncpg.Connection, snapshot: Snapshot) -> Copied:
    """The SQL that leads from nothing to it; what has none is named."""
    script = adopting(diff(EMPTY, snapshot))
    left = tuple(f"there is no SQL for {name}" for name in script.left)
    refused = await _one_by_one(connection, [one for one in script.statements if not _makes_public(one)])
    return Copied(CopyWay.GENERATED, (*left, *refused))


async def close_to_others(connection: asyncpg.Connection) -> tuple[str, ...]:
    """Without user mappings nothing that runs here writes to another server through a foreign table."""
    mappings = await connection.fetch(statements.USER_MAPPINGS)
    for row in mappings:
        await connection.execute(f"DROP USER MAPPING FOR {row['who']} SERVER {row['server']}")
    if not mappings:
        return ()
    return ("user mappings were left out, so that nothing reaches other servers from the scratch database",)


async def like_public(connection: asyncpg.Connection, snapshot: Snapshot) -> None:
    """A new database has a schema public; not every target has."""
    if snapshot.get("schema", "public") is None:
        await connection.execute("DROP SCHEMA IF EXISTS public")


async def _one_by_one(connection: asyncpg.Connection, texts: Sequence[str]) -> tuple[str, ...]:
    """What was refused, in words; settings that this server does not have are no loss."""
    refused = []
    for text in texts:
        try:
            await connection.execute(text)
        except asyncpg.PostgresError as error:
            if isinstance(error, LOST):
                raise
            if not text.upper().startswith("SET "):
                first = " ".join(text.split())[:80]
                refused.append(f"not carried over: {first} ({str(error).splitlines()[0]})")
    more = (f"{len(refused) - MOST_SAID} more were not carried over",) if len(refused) > MOST_SAID else ()
    return (*refused[:MOST_SAID], *more)


def _makes_public(statement: str) -> bool:
    return statement.strip().rstrip(";") in ("CREATE SCHEMA public", _PUBLIC)


__all__ = ["DumpFailed", "NotReplayed", "by_dump", "by_replay", "by_snapshot", "close_to_others", "like_public"]
