"""The floor of a run: one connection, one transaction a migration, one row for each, and nothing else."""

import asyncio
from collections.abc import Sequence

import asyncpg

LEDGER = "CREATE TABLE ledger (number int PRIMARY KEY, script text NOT NULL, at timestamptz NOT NULL DEFAULT now())"


def run(dsn: str, scripts: Sequence[str]) -> None:
    asyncio.run(_run(dsn, scripts))


async def _run(dsn: str, scripts: Sequence[str]) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(LEDGER)
        for number, script in enumerate(scripts):
            await connection.execute("BEGIN")
            await connection.execute(script)
            await connection.execute("INSERT INTO ledger (number, script) VALUES ($1, $2)", number, script)
            await connection.execute("COMMIT")
    finally:
        await connection.close()
