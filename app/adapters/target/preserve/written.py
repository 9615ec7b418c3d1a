"""What a step has written in the place of values that are kept: by it is judged later whether somebody changed them."""

import asyncpg

from app.adapters.postgres import quote
from app.adapters.target.preserve.inventory import Column, Inventory
from app.adapters.target.preserve.kept_rows import StoredColumn, columns_of, numbered, rows_at
from app.adapters.target.preserve.sets import KeptSet

_FIRST_OF_ITS_OWN = 16384
"""Types of lower numbers are the server's, and what they are written as does not change."""


async def note_written(connection: asyncpg.Connection, one: KeptSet) -> None:
    """What the step has made of each value, so that nobody's later change is taken back with it; and where the row was
    found."""
    table, now = one.table, await _now(connection, one)
    written = ", ".join(
        f"n{at} = (t.{quote(now[column.number].name)})::text" for at, column in enumerate(table.columns, 1)
    )
    keys, rows = [now[key.number] for key in table.keys], await rows_at(connection, one.relation.oid)
    await connection.execute(
        f"UPDATE {table.name} AS kept SET {written}, liftlock_at = 0 FROM {rows} AS t WHERE {table.matched('t', keys)}"
    )


async def note_again(connection: asyncpg.Connection, one: KeptSet, before: Inventory, after: Inventory) -> None:
    """After it has overwritten values the step may have given their column another type, or an enum's value another
    name: they are the same and read otherwise."""
    oid = one.relation.oid
    if oid not in after.relations:
        return
    then, now = before.relations[oid].columns, after.relations[oid].columns
    table, columns = one.table, await _now(connection, one)
    places = [
        (f"n{at}", f"(t.{quote(columns[column.number].name)})::text")
        for at, column in enumerate(table.columns, 1)
        if column.number in columns and _may_read_otherwise(then[column.number], now[column.number])
    ]
    if not places or any(key.number not in columns for key in table.keys):
        return
    sets = ", ".join(f"{place} = {value}" for place, value in places)
    other = " OR ".join(f"kept.{place} IS DISTINCT FROM {value}" for place, value in places)
    names, keys = ", ".join(numbered("k", table.keys)), [columns[key.number] for key in table.keys]
    latest = f"SELECT DISTINCT ON ({names}) ctid AS at FROM {table.name} ORDER BY {names}, liftlock_at DESC"
    await connection.execute(
        f"UPDATE {table.name} AS kept SET {sets} FROM {await rows_at(connection, oid)} AS t, ({latest}) AS latest "
        f"WHERE kept.ctid = latest.at AND {table.matched('t', keys)} AND ({other})"
    )


def _may_read_otherwise(then: Column, now: Column) -> bool:
    return then.type_is != now.type_is or now.type_is[0] >= _FIRST_OF_ITS_OWN


async def is_only_cast(connection: asyncpg.Connection, one: KeptSet) -> bool:
    """Whether each value that is there is now what its new type makes of the one that is kept."""
    now = await _now(connection, one)
    other = " OR ".join(
        f"(kept.{name}::{now[column.number].type})::text IS DISTINCT FROM kept.n{name[1:]}"
        for name, column in zip(numbered("c", one.table.columns), one.table.columns, strict=True)
    )
    found = "kept.liftlock_at IS NOT NULL"
    return await _holds(
        connection, f"SELECT NOT EXISTS (SELECT FROM {one.table.name} AS kept WHERE {found} AND ({other}))"
    )


async def has_same_rows(connection: asyncpg.Connection, one: KeptSet) -> bool:
    """Whether the rows of a table without a key are still just those that are kept, cast to the types of now."""
    now = await _now(connection, one)
    if any(column.number not in now for column in one.table.columns):
        return False
    columns = [now[column.number] for column in one.table.columns]
    then = ", ".join(
        f"(kept.{name}::{column.type})::text"
        for name, column in zip(numbered("c", one.table.columns), columns, strict=True)
    )
    there = ", ".join(f"(t.{quote(column.name)})::text" for column in columns)
    sums = "SELECT ROW(count(*), COALESCE(sum(hash_record_extended(ROW({}), 0)), 0)) FROM {}"
    rows = await rows_at(connection, one.relation.oid)
    return await _holds(
        connection,
        f"SELECT ({sums.format(then, f'{one.table.name} AS kept')}) = ({sums.format(there, f'{rows} AS t')})",
    )


async def key_is_another(connection: asyncpg.Connection, one: KeptSet) -> bool:
    """Whether columns by which rows are found again have been made anew with the others, so that some are not found."""
    if not {key.number for key in one.table.keys} & one.numbers:
        return False
    missing = f"SELECT EXISTS (SELECT FROM {one.table.name} WHERE liftlock_at IS NULL)"
    return bool(await connection.fetchval(missing))


async def _holds(connection: asyncpg.Connection, question: str) -> bool:
    """False too where values cannot be cast."""
    await connection.execute("SAVEPOINT liftlock_cast")
    try:
        answer = await connection.fetchval(question)
    except asyncpg.PostgresError as error:
        if (error.sqlstate or "")[:2] not in ("22", "42"):
            raise
        await connection.execute("ROLLBACK TO SAVEPOINT liftlock_cast")
        answer = False
    await connection.execute("RELEASE SAVEPOINT liftlock_cast")
    return bool(answer)


async def _now(connection: asyncpg.Connection, one: KeptSet) -> dict[int, StoredColumn]:
    return {column.number: column for column in await columns_of(connection, one.relation.oid)}
