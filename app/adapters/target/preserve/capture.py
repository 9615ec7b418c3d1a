"""Triggers that keep the rows which statements delete, truncate or overwrite, for as long as one step runs.

Statement triggers with transition tables: one INSERT a statement, whatever made it — the script, a function that it
calls, or a foreign key's cascade. https://www.postgresql.org/docs/current/trigger-definition.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg

from app.adapters.postgres import quote
from app.adapters.target.preserve.inventory import Relation
from app.adapters.target.preserve.kept_rows import SCHEMA, KeptTable, numbered
from app.domain.preserved import PreservedKind as Kind
from app.domain.step import count_of

PREFIX = "liftlock_keeps_"
_LOCK_MS = 100
_SETTINGS = (
    "SET search_path = pg_catalog, pg_temp SET datestyle = ISO SET intervalstyle = postgres "
    "SET extra_float_digits = 1 SET bytea_output = hex SET timezone = 'UTC' SET row_security = off"
)
_NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


@dataclass(frozen=True, slots=True)
class Watched:
    kind: Kind
    relation: Relation
    table: KeptTable

    @property
    def on(self) -> str:
        return f"{quote(self.relation.schema)}.{quote(self.relation.name)}"

    @property
    def triggers(self) -> tuple[str, ...]:
        name = f"{PREFIX}{self.table.id.hex}"
        return (name, f"{name}_t") if self.kind is Kind.DELETED else (name,)

    def function(self, trigger: str) -> str:
        return f"{SCHEMA}.{trigger}"


def begin(watched: Watched) -> Iterator[str]:
    """The statements that make the triggers; they keep others from writing the table until the step commits."""
    trigger = watched.triggers[0]
    if watched.kind is Kind.UPDATED:
        yield _function(watched, trigger, _overwritten(watched.table))
        yield (
            f"CREATE TRIGGER {trigger} AFTER UPDATE ON {watched.on} REFERENCING OLD TABLE AS gone NEW TABLE AS come "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {watched.function(trigger)}()"
        )
        return
    truncated = watched.triggers[1]
    yield _function(watched, trigger, _gone(watched.table, "gone"))
    yield (
        f"CREATE TRIGGER {trigger} AFTER DELETE ON {watched.on} REFERENCING OLD TABLE AS gone "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {watched.function(trigger)}()"
    )
    if watched.relation.kind == "r":
        # of a partitioned table each partition is truncated, and tells it itself
        yield _function(watched, truncated, _gone(watched.table, f"ONLY {watched.on}"))
        yield (
            f"CREATE TRIGGER {truncated} BEFORE TRUNCATE ON {watched.on} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {watched.function(truncated)}()"
        )


async def end(connection: asyncpg.Connection, watched: Watched) -> None:
    """Take the triggers away. Where a reader would have to be waited for, they are only switched off."""
    for trigger in watched.triggers:
        there = await connection.fetchval("SELECT count(*) FROM pg_trigger WHERE tgname = $1", trigger)
        if there:
            await _drop(connection, watched, trigger)
        else:
            await connection.execute(f"DROP FUNCTION IF EXISTS {watched.function(trigger)}()")


async def unmatched(connection: asyncpg.Connection, watched: Watched) -> list[str]:
    """What the triggers could not keep: rows whose key was changed with them, or had nothing in it."""
    if watched.kind is not Kind.UPDATED:
        return []
    count = await connection.fetchval(
        f"WITH left_out AS (DELETE FROM {watched.table.name} WHERE liftlock_left IS NOT NULL RETURNING liftlock_left) "
        f"SELECT sum(liftlock_left::bigint)::bigint FROM left_out"
    )
    return [f"{count_of(count, 'row')} of {watched.relation.said} whose key was overwritten"] if count else []


async def _drop(connection: asyncpg.Connection, watched: Watched, trigger: str) -> None:
    before = await connection.fetchval("SELECT current_setting('lock_timeout')")
    await connection.execute(f"SAVEPOINT liftlock_drop; SET LOCAL lock_timeout = {_LOCK_MS}")
    name = await connection.fetchval(
        "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = $1 AND tgparentid = 0", trigger
    )
    try:
        await connection.execute(f"DROP TRIGGER {trigger} ON {name}; DROP FUNCTION {watched.function(trigger)}()")
    except asyncpg.LockNotAvailableError:
        await connection.execute("ROLLBACK TO SAVEPOINT liftlock_drop")
        await connection.execute(f"ALTER TABLE {name} DISABLE TRIGGER {trigger}")
    await connection.execute("RELEASE SAVEPOINT liftlock_drop")
    await connection.fetchval("SELECT set_config('lock_timeout', $1, true)", before)


def _function(watched: Watched, trigger: str, body: str) -> str:
    return (
        f"CREATE FUNCTION {watched.function(trigger)}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER {_SETTINGS} "
        f"AS $liftlock$ BEGIN {body}; RETURN NULL; END $liftlock$"
    )


def _gone(table: KeptTable, rows: str) -> str:
    if not table.values:
        return f"INSERT INTO {table.name} (liftlock_at) SELECT {_NOW} FROM {rows} AS t"
    return f"INSERT INTO {table.name} (liftlock_at, {table.values}) SELECT {_NOW}, {table.read('t')} FROM {rows} AS t"


def _overwritten(table: KeptTable) -> str:
    """Old and new values of rows that keep their key; how many do not is left in a row of its own."""
    same_key = " AND ".join(f"t.{quote(key.name)} = now.{quote(key.name)}" for key in table.keys)
    new = ", ".join(f"(now.{quote(column.name)})::text" for column in table.columns)
    names = ", ".join(numbered("n", table.columns))
    changed = " OR ".join(
        f"(t.{quote(one.name)})::text IS DISTINCT FROM (now.{quote(one.name)})::text" for one in table.columns
    )
    return (
        f"INSERT INTO {table.name} (liftlock_at, {table.values}, {names}) "
        f"SELECT {_NOW}, {table.read('t')}, {new} FROM gone AS t JOIN come AS now ON {same_key} WHERE {changed}; "
        f"INSERT INTO {table.name} (liftlock_left) SELECT count(*)::text FROM gone AS t "
        f"WHERE NOT EXISTS (SELECT FROM come AS now WHERE {same_key}) HAVING count(*) > 0"
    )
