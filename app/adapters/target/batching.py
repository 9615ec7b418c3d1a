"""Carries out one batched statement: range after range, each with its progress in one transaction.

Whoever goes on with it begins after the last range that was committed. Rows that are added below that key
while it runs are not seen: what must hold for new rows too belongs into a default or a trigger before it.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

import asyncpg

from app.adapters.target import queries
from app.adapters.target.connection import LOCK_STATES, limits_sql
from app.adapters.target.fenced import FencedConnection
from app.adapters.target.records import Stamp
from app.domain.batch import Batch
from app.domain.statements import Statement
from app.ports import Guide, Limits

LOCK_TRIES = 20
LOCK_PAUSE_S = 0.25
LAG_EVERY_S = 1.0
LAG_PAUSE_S = 1.0
MOST_REPLICATION_LAG_S = 10.0


_BOUNDS = """
    WITH part AS MATERIALIZED (
        SELECT {key} AS k FROM {table}
        WHERE {key} IS NOT NULL AND ($1::text IS NULL OR {key} > $1::text::{kind})
        ORDER BY {key} LIMIT $2)
    SELECT (SELECT k FROM part ORDER BY k LIMIT 1) AS first,
           (SELECT k FROM part ORDER BY k DESC LIMIT 1) AS last,
           (SELECT k FROM part ORDER BY k DESC LIMIT 1)::text AS last_text
"""


@dataclass(frozen=True, slots=True)
class Done:
    """How far it is. `last_key` as text; `rows` are those that the statement has touched."""

    last_key: str | None = None
    rows: int = 0


class BatchedStatement:
    """`key`: what the statement is known by in `step_statements`."""

    def __init__(
        self,
        fenced: FencedConnection,
        stamp: Stamp,
        key: tuple[Any, ...],
        statement: Statement,
        batch: Batch,
        limits: Limits,
        guide: Guide,
    ) -> None:
        self._fenced = fenced
        self._stamp = stamp
        self._key = key
        self._statement = statement
        self._batch = batch
        self._limits = limits
        self._guide = guide
        self._lag_seen_at = 0.0
        self._doing = f"{statement.verb} in ranges of {batch.table}"
        self._said = self._doing

    async def run(self) -> None:
        """Until no range is left, or the guide says stop between two. Raises what a statement of it raises."""
        tried = 0
        while not self._guide.is_halted():
            began = time.monotonic()
            try:
                more = await self._range()
            except asyncpg.PostgresError as error:
                tried += 1
                if error.sqlstate not in LOCK_STATES or tried >= LOCK_TRIES:
                    raise
                await asyncio.sleep(LOCK_PAUSE_S)
                continue
            if not more:
                return
            tried = 0
            await self._give_way(time.monotonic() - began)

    async def _range(self) -> bool:
        """One range and its progress, or the end of all of them, in one transaction; whether there was one."""
        async with self._fenced.transaction() as connection:
            known = await connection.fetchrow(queries.STATEMENT_STATE, *self._key)
            if known is not None and known["state"] == "applied":
                return False
            done = Done() if known is None else Done(**json.loads(known["facts"]))
            bounds = await self._next(connection, done)
            limits = self._limits
            await connection.execute(
                limits_sql(connection, limits.data_lock_timeout_ms, limits.statement_timeout_ms, limits.idle_timeout_ms)
            )
            if bounds is not None and bounds["first"] is not None:
                status = await connection.execute(self._statement.text, bounds["first"], bounds["last"])
                done = Done(bounds["last_text"], done.rows + _rows_of(status))
            state = "intent" if bounds is not None and bounds["first"] is not None else "applied"
            facts = json.dumps({"last_key": done.last_key, "rows": done.rows})
            await connection.execute(
                queries.KEEP_STATEMENT, *self._key, state, facts, self._stamp.job_id, self._stamp.epoch
            )
        self._said = f"{self._doing}: {done.rows:,} rows, up to {self._batch.key} {done.last_key}"
        self._guide.say(self._said)
        return state == "intent"

    async def _next(self, connection: asyncpg.Connection, done: Done) -> asyncpg.Record | None:
        """Raises DataError for keys beyond what the driver can carry, such as dates before Christ."""
        try:
            return await connection.fetchrow(await self._bounds(connection), done.last_key, self._batch.size)
        except (ValueError, OverflowError) as error:
            behind = "" if done.last_key is None else f" behind {done.last_key}"
            message = f"a value of {self._batch.key}{behind} cannot be carried ({error}); go by another key"
            raise asyncpg.DataError(message) from error

    async def _bounds(self, connection: asyncpg.Connection) -> str:
        """Names come from a migration file, which may send any statement anyway; the key's type from the catalog."""
        kind = await connection.fetchval(queries.TYPE_OF_KEY, self._batch.table, self._batch.key)
        if kind is None:
            message = f"the table {self._batch.table} has no column {self._batch.key} to go by"
            raise asyncpg.UndefinedColumnError(message)
        return _BOUNDS.format(table=self._batch.table, key=self._batch.key, kind=kind)

    async def _give_way(self, took_s: float) -> None:
        """Between two ranges nothing is locked: others get their turn, replicas catch up, people may pause it."""
        await asyncio.sleep(self._batch.pause_ms / 1000)
        if self._guide.keeps_others_waiting():
            await asyncio.sleep(min(took_s, 1.0))
        said = False
        while not self._guide.is_halted() and (self._guide.is_paused() or await self._replicas_lag()):
            if self._guide.is_paused() and not said:
                self._guide.say(f"paused; {self._said}")
                said = True
            await asyncio.sleep(LOCK_PAUSE_S)

    async def _replicas_lag(self) -> bool:
        if time.monotonic() - self._lag_seen_at < LAG_EVERY_S:
            return False
        self._lag_seen_at = time.monotonic()
        async with self._fenced.transaction() as connection:
            lag_s = float(await connection.fetchval(queries.REPLICATION_LAG))
        if lag_s > MOST_REPLICATION_LAG_S:
            self._guide.say(f"waiting for a replica that is {lag_s:.0f} s behind")
            self._lag_seen_at -= LAG_EVERY_S
            await asyncio.sleep(LAG_PAUSE_S)
            return True
        return False


def _rows_of(status: str) -> int:
    """`UPDATE 12`, `INSERT 0 12`."""
    last = status.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0
