"""Constraints and triggers that wait for COMMIT: what is done of them before, while somebody still looks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

_DEFERRED = """
    SELECT format('%I.%I', n.nspname, k.conname) AS name
    FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE k.contype IN ('f', 'p', 'u', 'x', 't')
    GROUP BY 1 HAVING bool_and(k.condeferrable) AND bool_or(k.condeferred)
"""
_TRIGGERS = """
    SELECT format('%I.%I', n.nspname, k.conname) AS name, bool_or(k.condeferred) AS waits
    FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE k.contype IN ('f', 'p', 'u', 'x', 't')
    GROUP BY 1 HAVING bool_and(k.condeferrable) AND bool_or(k.contype = 't')
"""
_OF_THE_JOB = ("40", "55", "57")
"""Classes of errors that are nothing of a trigger's own: a lock, a cancellation, a server that stops."""


@asynccontextmanager
async def immediately(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """With as little as can be left to check at COMMIT: a table whose rows still are may not be altered.

    What does not hold yet is left: a later step of the same transaction may heal it.
    """
    if not await _is_checked(connection, "ALL"):
        for row in await connection.fetch(_DEFERRED):
            await _is_checked(connection, row["name"])
    yield
    names = [row["name"] for row in await connection.fetch(_DEFERRED)]
    if names:
        await connection.execute(f"SET CONSTRAINTS {', '.join(names)} DEFERRED")


async def let_triggers_act(connection: asyncpg.Connection) -> None:
    """What constraint triggers would do at COMMIT they do now: nobody would see it then.

    One that fails is left to COMMIT: a later step of the same transaction may heal what it finds fault with.
    """
    triggers = await connection.fetch(_TRIGGERS)
    for row in triggers:
        await connection.execute("SAVEPOINT liftlock_acts")
        try:
            await connection.execute(f"SET CONSTRAINTS {row['name']} IMMEDIATE")
        except asyncpg.PostgresError as error:
            if (error.sqlstate or "")[:2] in _OF_THE_JOB:
                raise
            await connection.execute("ROLLBACK TO SAVEPOINT liftlock_acts")
        await connection.execute("RELEASE SAVEPOINT liftlock_acts")
    waiting = [row["name"] for row in triggers if row["waits"]]
    if waiting:
        await connection.execute(f"SET CONSTRAINTS {', '.join(waiting)} DEFERRED")


async def _is_checked(connection: asyncpg.Connection, constraints: str) -> bool:
    """False, and nothing done, when they do not hold now."""
    await connection.execute("SAVEPOINT liftlock_checked")
    try:
        await connection.execute(f"SET CONSTRAINTS {constraints} IMMEDIATE")
    except asyncpg.IntegrityConstraintViolationError:
        await connection.execute("ROLLBACK TO SAVEPOINT liftlock_checked; RELEASE SAVEPOINT liftlock_checked")
        return False
    await connection.execute("RELEASE SAVEPOINT liftlock_checked")
    return True
