"""Triggers that keep the rows which statements delete, truncate or overwrite, for as long as one step runs.

Statement triggers with transition tables: one INSERT a statement, whatever made it — the script, a function that it
calls, or a foreign key's cascade. https://www.postgresql.org/docs/current/trigger-definition.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg

from app.adapters.postgres import quote
from app.adapters.target.prepared import literal
from app.adapters.target.preserve.deferred import immediately
from app.adapters.target.preserve.inventory import Relation
from app.adapters.target.preserve.kept_rows import SCHEMA, KeptTable, numbered
from app.adapters.target.preserve.refusals import SAID
from app.domain.preserved import PreservedKind as Kind

PREFIX = "liftlock_keeps_"
ELSEWHERE = "their key was overwritten, or they were written through another table"
_LOCK_MS = 100
_SETTINGS = (
    "SET search_path = pg_catalog, pg_temp SET datestyle = ISO SET intervalstyle = postgres "
    "SET extra_float_digits = 1 SET bytea_output = hex SET timezone = 'UTC' SET row_security = off"
)
_STANDS = "SELECT tgenabled::text FROM pg_trigger WHERE tgname = $1 AND tgparentid = 0"
_NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_EQUAL_IS_SAME = "'{bool,int2,int4,int8,oid,uuid,bytea,date,timestamp,timestamptz,macaddr}'::regtype[]"
"""Types whose equal values are the same value to the letter; numbers may differ in their zeros, texts in their case."""


@dataclass(frozen=True, slots=True)
class Watched:
    """`elsewhere`: attributes that are kept with their key already, for the step drops or retypes them: what is there
    when a row goes may be something else by then."""

    kind: Kind
    relation: Relation
    table: KeptTable
    elsewhere: frozenset[int] = frozenset()

    @property
    def on(self) -> str:
        return f"{quote(self.relation.schema)}.{quote(self.relation.name)}"

    @property
    def triggers(self) -> tuple[str, ...]:
        name = f"{PREFIX}{self.table.id.hex}"
        if self.kind is Kind.UPDATED:
            return (name, f"{name}_b")
        # of a partitioned table each partition is truncated, and tells it itself
        return (name, f"{name}_t", f"{name}_a") if self.relation.kind == "r" else (name,)

    @property
    def notes(self) -> str:
        """Where the triggers note why they could not keep rows, and what the server has counted before and, as less
        than nothing, after it forgets that for a truncation."""
        return f"{self.table.name}_n"

    @property
    def count(self) -> str:
        """A sequence: how many rows they have seen. As what the server counts, it goes on when a part of the script
        is taken back by its own savepoint."""
        return f"{self.table.name}_s"

    @property
    def begun(self) -> str:
        """A setting: when the statements that overwrite rows have begun which are not at their end, the last first."""
        return f"liftlock.{self.table.plain_name}"

    def function(self, trigger: str) -> str:
        return f"{SCHEMA}.{trigger}"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Rows that the server has counted when the table was truncated, `updated` and in all; and how many `less` since.

    What was written before a savepoint within which it was truncated, the server forgets only at the end of that.
    """

    updated: int
    written: int
    less: int


def begin(watched: Watched) -> Iterator[str]:
    """The statements that make the triggers; they keep others from writing the table until the step commits."""
    yield f"CREATE TABLE {watched.notes} (reason text, updated bigint, written bigint)"
    yield f"CREATE SEQUENCE {watched.count} MINVALUE 0"
    trigger = watched.triggers[0]
    if watched.kind is Kind.UPDATED:
        yield watched.table.create(written=True)
        yield _function(watched, trigger, _overwritten(watched))
        yield (
            f"CREATE TRIGGER {trigger} AFTER UPDATE ON {watched.on} REFERENCING OLD TABLE AS gone NEW TABLE AS come "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {watched.function(trigger)}()"
        )
        yield _always(watched, trigger)
        begins = watched.triggers[1]
        yield _beginning(watched, begins)
        yield (
            f"CREATE TRIGGER {begins} BEFORE UPDATE ON {watched.on} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {watched.function(begins)}()"
        )
        yield _always(watched, begins)
        return
    yield _function(watched, trigger, _gone(watched, "gone"))
    yield (
        f"CREATE TRIGGER {trigger} AFTER DELETE ON {watched.on} REFERENCING OLD TABLE AS gone "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {watched.function(trigger)}()"
    )
    yield _always(watched, trigger)
    for truncated, when in zip(watched.triggers[1:], ("BEFORE", "AFTER"), strict=False):
        yield _truncated(watched, truncated, when)
        yield (
            f"CREATE TRIGGER {truncated} {when} TRUNCATE ON {watched.on} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {watched.function(truncated)}()"
        )
        yield _always(watched, truncated)


async def forgotten(connection: asyncpg.Connection, watched: Watched) -> Forgotten:
    """What was counted of a table whose deletions are watched, and is not any more, for it was truncated."""
    row = await connection.fetchrow(
        f"SELECT COALESCE(max(updated), 0) AS updated, COALESCE(max(written), 0) AS written, "
        f"COALESCE(sum(written), 0)::bigint AS less FROM {watched.notes} WHERE reason IS NULL"
    )
    assert row is not None
    return Forgotten(row["updated"], row["written"], row["less"])


async def end(connection: asyncpg.Connection, watched: Watched) -> bool:
    """Take the triggers away; whether they were as they had been made, and have seen everything.

    Where a reader would have to be waited for, they are only switched off.
    """
    untouched = True
    for trigger in watched.triggers:
        stands = await connection.fetchval(_STANDS, trigger)
        untouched = untouched and stands == "A"
        if stands is not None:
            await _drop(connection, watched, trigger)
        else:
            await connection.execute(f"DROP FUNCTION IF EXISTS {watched.function(trigger)}()")
    return untouched


async def seen(connection: asyncpg.Connection, watched: Watched) -> tuple[int, list[str]]:
    """How many rows the triggers have kept, or found unchanged, and why they could not keep others."""
    if await connection.fetchval("SELECT to_regclass($1) IS NULL", watched.table.name):
        await connection.execute(watched.table.create(written=False))
    noted = await connection.fetch(f"SELECT DISTINCT reason FROM {watched.notes} WHERE reason IS NOT NULL ORDER BY 1")
    count = await connection.fetchval(f"SELECT last_value FROM {watched.count}")
    await connection.execute(f"DROP TABLE {watched.notes}; DROP SEQUENCE {watched.count}")
    return count, [row["reason"] for row in noted]


def _always(watched: Watched, trigger: str) -> str:
    """Whatever session_replication_role the script sets. One that it switches off and on again is not like this."""
    return f"ALTER TABLE {watched.on} ENABLE ALWAYS TRIGGER {trigger}"


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
        async with immediately(connection):
            await connection.execute(f"ALTER TABLE {name} DISABLE TRIGGER {trigger}")
    await connection.execute("RELEASE SAVEPOINT liftlock_drop")
    await connection.fetchval("SELECT set_config('lock_timeout', $1, true)", before)


def _function(watched: Watched, trigger: str, body: str) -> str:
    """Columns are found by their numbers: the script may rename, drop or retype some before it writes rows.

    Where what is there now cannot be read as what is kept, nothing is, and the reason is noted.
    """
    return f"""
        CREATE FUNCTION {watched.function(trigger)}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER {_SETTINGS}
        AS $liftlock$
        DECLARE
            names text; old text; new text; news text; key text; changed text; made text;
            at bigint; kept bigint; keys bigint;
        BEGIN
            SELECT string_agg(c.kept, ', '), string_agg(CASE WHEN c.elsewhere THEN format('NULL::%s', c.stored)
                                   ELSE format('(t.%I)::%s', a.attname, c.stored) END, ', '),
                   string_agg(format('(now.%I)::text', a.attname), ', ') FILTER (WHERE c.kept ~ '^c'),
                   string_agg('n' || substr(c.kept, 2), ', ') FILTER (WHERE c.kept ~ '^c'),
                   string_agg(format(CASE WHEN a.atttypid = ANY ({_EQUAL_IS_SAME}) THEN 't.%1$I = now.%1$I' ELSE
                                     't.%1$I = now.%1$I AND (t.%1$I)::text COLLATE "C" = (now.%1$I)::text' END,
                                     a.attname), ' AND ') FILTER (WHERE c.kept ~ '^k'),
                   string_agg(format('(t.%1$I)::text COLLATE "C" IS DISTINCT FROM (now.%1$I)::text', a.attname), ' OR ')
                       FILTER (WHERE c.kept ~ '^c'), count(*) FILTER (WHERE c.kept ~ '^k')
            INTO names, old, new, news, key, changed, keys
            FROM {_columns(watched)};
            {body}
            RETURN NULL;
        EXCEPTION WHEN cannot_coerce OR datatype_mismatch OR undefined_function OR data_exception
                       OR program_limit_exceeded THEN
            INSERT INTO {watched.notes} VALUES ({SAID});
            RETURN NULL;
        END $liftlock$"""


def _truncated(watched: Watched, trigger: str, when: str) -> str:
    """Nobody counts what is truncated, and what was counted before is forgotten."""
    sign, rows = ("", _gone(watched, "ONLY ' || TG_RELID::regclass || '")) if when == "BEFORE" else ("-", "")
    updated = f"{sign}pg_stat_get_xact_tuples_updated(TG_RELID)"
    counted = f"{updated}, {updated} {sign or '+'} pg_stat_get_xact_tuples_deleted(TG_RELID)"
    return _function(watched, trigger, f"INSERT INTO {watched.notes} VALUES (NULL, {counted}); {rows}")


def _beginning(watched: Watched, trigger: str) -> str:
    """A statement that a trigger makes is at its end before the one that it was called by, and has begun after it."""
    return f"""
        CREATE FUNCTION {watched.function(trigger)}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER {_SETTINGS}
        AS $liftlock$
        BEGIN
            PERFORM set_config('{watched.begun}', {_NOW} || ' ' || COALESCE({_began(watched)}, ''), true);
            RETURN NULL;
        END $liftlock$"""


def _began(watched: Watched) -> str:
    return f"current_setting('{watched.begun}', true)"


def _columns(watched: Watched) -> str:
    """The columns that are kept, as far as they are there."""
    table = watched.table
    columns = ", ".join(
        f"({column.number}, {literal(name)}, {literal(column.stored)}, {literal(column.collated)}, "
        f"{prefix == 'c' and column.number in watched.elsewhere})"
        for prefix, of in (("k", table.keys), ("c", table.columns))
        for name, column in zip(numbered(prefix, of), of, strict=True)
    )
    return f"""(VALUES {columns or "(0, '', '', '', false)"}) AS c (number, kept, stored, collated, elsewhere)
            JOIN pg_attribute a ON a.attrelid = TG_RELID AND a.attnum = c.number AND NOT a.attisdropped"""


def _gone(watched: Watched, rows: str) -> str:
    """The first rows make the table where they can: that is faster than to insert them."""
    table = watched.table
    return f"""
        SELECT 'CREATE TABLE {table.name} AS SELECT '
            || COALESCE(string_agg(CASE
                   WHEN c.elsewhere THEN format('NULL::%s%s AS %s', c.stored, c.collated, c.kept)
                   ELSE format('(t.%I)::%s%s AS %s', a.attname, c.stored, c.collated, c.kept) END, ', '), '')
            || ' FROM {rows} AS t'
        INTO made FROM {_columns(watched)} HAVING count(*) = {len(table.columns)};
        IF to_regclass('{table.name}') IS NULL AND made IS NOT NULL THEN
            EXECUTE made;
        ELSE
            IF to_regclass('{table.name}') IS NULL THEN
                EXECUTE {literal(table.create(written=False))};
            END IF;
            EXECUTE 'INSERT INTO {table.name}' || COALESCE(' (' || names || ')', '') || ' SELECT '
                || COALESCE(old, '') || ' FROM {rows} AS t';
        END IF;
        GET DIAGNOSTICS kept = ROW_COUNT;
        IF TG_OP = 'DELETE' THEN
            PERFORM setval('{watched.count}', last_value + kept) FROM {watched.count};
        END IF;"""


def _overwritten(watched: Watched) -> str:
    """Old and new values of rows that keep their key; of others only that there are some."""
    return f"""
        at := COALESCE(NULLIF(split_part({_began(watched)}, ' ', 1), '')::bigint, {_NOW});
        PERFORM set_config('{watched.begun}', regexp_replace({_began(watched)}, '^[0-9]+ ', ''), true);
        IF keys < {len(watched.table.keys)} THEN
            INSERT INTO {watched.notes} VALUES ('the key by which its rows are found again is gone');
            RETURN NULL;
        END IF;
        EXECUTE format(
            'INSERT INTO {watched.table.name} (liftlock_at, %s, %s) '
            'SELECT %s, %s, %s FROM gone AS t JOIN come AS now ON %s WHERE %s',
            names, news, at, old, new, key, changed);
        EXECUTE format('SELECT count(*) FROM gone AS t JOIN come AS now ON %s', key) INTO kept;
        INSERT INTO {watched.notes} SELECT {literal(ELSEWHERE)} WHERE kept < (SELECT count(*) FROM gone);
        PERFORM setval('{watched.count}', last_value + (SELECT count(*) FROM gone)) FROM {watched.count};"""
