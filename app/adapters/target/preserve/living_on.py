"""Rows of a dropped table that live on in another one of its name: the script has made the table anew and copied them.

They are the application's as they are there, changed and deleted as it likes. What is given back of them is only what
the new table had no place for; they are never put over those that are there, nor put back where they were deleted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from app.adapters.postgres import quote
from app.adapters.target.preserve.going_back import Going, fill_rows, rest_of
from app.adapters.target.preserve.inventory import Relation
from app.adapters.target.preserve.kept_rows import (
    KeptTable,
    StoredColumn,
    columns_of,
    key_of,
    numbered,
    rows_at,
    unforced,
)
from app.adapters.target.preserve.sets import StoredSet, qualified
from app.domain.step import count_of

_OF_ITS_NAME = "SELECT c.oid::bigint FROM pg_class c WHERE c.oid = to_regclass($1)::oid AND c.relkind IN ('r', 'p')"
_IS_MARKED = """
    SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass($1)::oid AND attname = 'liftlock_lives')
"""


@dataclass(frozen=True, slots=True)
class Living:
    """`had`: the columns of the table as it stands before the step that gives back."""

    had: frozenset[str]


async def mark_living(connection: asyncpg.Connection, relation: Relation, table: KeptTable) -> None:
    """After the script: which of the kept rows are in the table that has the name now; all, where no key tells."""
    standing = await connection.fetchval(_OF_ITS_NAME, qualified(relation))
    if standing is None or not table.columns:
        return
    key = await key_of(connection, standing, await columns_of(connection, standing), frozenset())
    async with unforced(connection, standing):
        rows = await rows_at(connection, standing)
        there = f"EXISTS (SELECT FROM {rows} AS t WHERE {_same(table, key) or 'true'})"
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table.name} AS kept WHERE {there})"):
            await connection.execute(
                f"ALTER TABLE {table.name} ADD COLUMN liftlock_lives boolean; "
                f"UPDATE {table.name} AS kept SET liftlock_lives = true WHERE {there}"
            )


async def living(connection: asyncpg.Connection, one: StoredSet, where: int | None) -> Living | None:
    """Before the step that gives back; None when no row lives on, or the table that had them is gone too.

    Those that somebody has deleted since are marked as such: the step itself may drop what the others are in.
    """
    if where is None or not await connection.fetchval(_IS_MARKED, one.table.name):
        return None
    columns = await columns_of(connection, where)
    same = _same(one.table, await key_of(connection, where, columns, frozenset()))
    if same is not None:
        async with unforced(connection, where):
            gone = f"NOT EXISTS (SELECT FROM {await rows_at(connection, where)} AS t WHERE {same})"
            await connection.execute(
                f"UPDATE {one.table.name} AS kept SET liftlock_lives = false WHERE liftlock_lives AND {gone}"
            )
    return Living(frozenset(column.name for column in columns))


async def cannot_tell(going: Going, where: int) -> bool:
    """Whether the table holds rows by now, and no key says which of them those are that live on."""
    key = await key_of(going.connection, where, list(going.now.values()), frozenset())
    has_rows = f"SELECT EXISTS (SELECT FROM {going.there})"
    return _same(going.kept, key) is None and bool(await going.connection.fetchval(has_rows))


async def give_to_living(going: Going, where: int, living: Living) -> tuple[int, list[str], Going]:
    """How many are there, with what is to be said, and what is left to be put back as whole rows."""
    count, remarks, back = 0, list[str](), list[str]()
    same = _same(going.kept, await key_of(going.connection, where, list(going.now.values()), frozenset()))
    elsewhere = "liftlock_lives IS NOT false"
    if same is not None:
        back = [now.name for _, _, now in going.columns if now.name not in living.had]
        count, remarks = await fill_rows(going, back, f"{same} AND kept.liftlock_lives")
        there = f"SELECT FROM {going.there} AS t WHERE {same}"
        elsewhere = f"liftlock_lives IS NULL OR liftlock_lives AND NOT EXISTS ({there})"
    left = await rest_of(going, elsewhere)
    gone = await going.connection.fetchval(f"SELECT count(*) FROM {going.kept.name} WHERE liftlock_lives IS false")
    but = f", but for {', '.join(back)}" if back else ""
    remarks += [f"{count_of(count, 'row')} lived on and stay as they are{but}"] if count else []
    remarks += [f"{count_of(gone, 'row')} that lived on not there any more"] if gone else []
    return count, remarks, left


def _same(table: KeptTable, key: Sequence[StoredColumn]) -> str | None:
    places = {
        column.name: (name, column) for name, column in zip(numbered("c", table.columns), table.columns, strict=True)
    }
    if not key or any(column.name not in places for column in key):
        return None
    pairs = ((column, *places[column.name]) for column in key)
    return " AND ".join(
        f"kept.{name} = {column.read('t')}"
        if kept.compares_with(column)
        else f"kept.{name}::text = (t.{quote(column.name)})::text"
        for column, name, kept in pairs
    )
