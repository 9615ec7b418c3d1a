"""Rows that have exchanged values of a unique index, in a ring: each is in the way of the next, whichever goes first.

A unique index is held against each row as it is written, so that they are taken out and put in again by one statement:
what refers to them is checked at its end, when all are there. https://www.postgresql.org/docs/current/ddl-constraints.html
"""

from collections.abc import Mapping

import asyncpg

_MAY_BE_TAKEN_OUT = """
    WITH tree AS (
        SELECT COALESCE(pg_partition_root($1::text::regclass), $1::text::regclass) AS root)
    SELECT NOT EXISTS (
        SELECT FROM pg_constraint k, tree
        WHERE k.contype = 'f' AND k.confdeltype <> 'a'
          AND (k.confrelid = root OR k.confrelid IN (SELECT relid FROM pg_partition_tree(root))))
"""
"""A foreign key that cascades would take what refers to them, or empty it."""


async def exchange(
    connection: asyncpg.Connection, kept: str, table: str, rows: str, values: Mapping[str, str], where: str
) -> bool:
    """All `rows` t of `table` whose `kept` ones the table has refused, `where` they belong to one another, with one
    statement; False, and nothing done, where it refuses that too. `values`: of every column."""
    if not await connection.fetchval(_MAY_BE_TAKEN_OUT, table):
        return False
    await connection.execute("SAVEPOINT liftlock_ring")
    try:
        # sorted, they are all out before the first comes in
        whole = await connection.fetchval(
            f"WITH gone AS (DELETE FROM {rows} AS t USING {kept} AS kept "
            f"WHERE {where} AND kept.liftlock_left IS NOT NULL RETURNING t.*, kept.ctid AS liftlock_at), "
            f"back AS (INSERT INTO {table} ({', '.join(values)}) OVERRIDING SYSTEM VALUE "
            f"SELECT {', '.join(values.values())} FROM (SELECT * FROM gone ORDER BY liftlock_at) AS t "
            f"JOIN {kept} AS kept ON kept.ctid = t.liftlock_at RETURNING true) "
            f"SELECT (SELECT count(*) FROM gone) = (SELECT count(*) FROM back)"
        )
    except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError):
        whole = False
    if not whole:
        await connection.execute("ROLLBACK TO SAVEPOINT liftlock_ring")
    await connection.execute("RELEASE SAVEPOINT liftlock_ring")
    if whole:
        await connection.execute(f"UPDATE {kept} SET liftlock_left = NULL WHERE liftlock_left IS NOT NULL")
    return bool(whole)
