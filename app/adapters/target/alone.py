"""A step without a transaction around it: statement by statement, each with its intent and its record.

Before a statement is sent, its intent is committed; afterwards, that it is applied. Whoever comes back to an
intent asks the database what became of it (`probing`), and never sends an unknown one again. A session advisory
lock on the very backend that executes keeps two of them apart: unlike the fence it is held while no transaction is.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import asyncpg

from app.adapters.postgres import LOST, how_lost
from app.adapters.target import preconditions, queries, records
from app.adapters.target.alone_statements import Blame, Numbered, invalid_taken, numbered
from app.adapters.target.batching import BatchedStatement
from app.adapters.target.connection import limits_sql, session_limits_sql
from app.adapters.target.failures import sql_failure
from app.adapters.target.fenced import FencedConnection
from app.adapters.target.hearing import Tell, hearing
from app.adapters.target.probing import Facts, Found, Happened, facts_before, invalid_index, look
from app.adapters.target.scripts import QUERY_CANCELED, Enforcer, raise_failure, run_verify, transaction_ended
from app.domain.batch import Batch
from app.domain.errors import BackendUnavailable
from app.domain.failure import Failure, FailureCode
from app.domain.migration import SqlScript
from app.domain.probes import runs_alone, waits_quietly
from app.domain.signals import ConnectionLost, StepFailed, TransactionEnded
from app.domain.step import Step
from app.ports import Guide, Limits

LOCK_POLL_S = 0.1
OLD_BACKEND_S = 5.0
LOCK_PATIENCE_S = 60.0
CLEAN_UP_LOCK_TIMEOUT_MS = 1_000
LOCK_HELD = "another session holds the lock of this target for statements without a transaction; it is tried again"


class AloneStep:
    """One step of one attempt; `fenced` has its target."""

    def __init__(
        self,
        fenced: FencedConnection,
        stamp: records.Stamp,
        ordinal: int,
        step: Step,
        limits: Limits,
        guide: Guide,
        tell: Tell,
    ) -> None:
        assert isinstance(step.body, SqlScript)
        self._fenced = fenced
        self._stamp = stamp
        self._ordinal = ordinal
        self._step = step
        self._script = step.body
        self._limits = limits
        self._guide = guide
        self._tell = tell
        self._statements = tuple(numbered(self._script))
        self._blame = Blame(step, self._script, ordinal, len(self._statements))

    async def apply(self, duration_ms: Callable[[], int]) -> None:
        """Look whether it was done before; hold the target's lock; each statement once; verify and record.

        Raises what `TargetSession.apply` says, and Uncertain. What an earlier job has applied of the same
        migration is not applied again: its rows stay until the step is done.
        """
        try:
            if not await self._is_due():
                return
            async with self._locked() as connection:
                for one in self._statements:
                    self._stop_if_halted(self._blame.left_over(one))
                    await self._once(connection, one)
                await self._record(duration_ms())
        except LOST as error:
            raise ConnectionLost(how_lost(error)) from error

    async def _is_due(self) -> bool:
        """False when an earlier attempt has recorded the step."""
        async with self._fenced.transaction() as connection:
            row = await connection.fetchrow(
                queries.ALONE_STATUS,
                *(self._stamp.scope, self._stamp.job_id, self._ordinal, self._step.name, self._step.direction.value),
            )
        assert row is not None
        if row["recorded"]:
            preconditions.refuse_half_done(self._ordinal, self._step, row["status"])
            return False
        preconditions.refuse_other_ledger(self._ordinal, self._step, row["status"], row["checksum"])
        if row["uncertain"]:
            raise self._blame.uncertain("a statement of an earlier job of it")
        return True

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[asyncpg.Connection]:
        """The session advisory lock, by asking again: a session that waits for it blocks CREATE INDEX CONCURRENTLY."""
        connection = await self._fenced.direct_connection()
        if connection is None:
            raise self._blame.pooled(self._stamp.target)
        waited_s = 0.0
        while not await connection.fetchval(queries.TRY_ALONE_LOCK, self._stamp.scope):
            self._stop_if_halted("nothing: no statement was sent")
            if waited_s >= LOCK_PATIENCE_S:
                raise BackendUnavailable(LOCK_HELD)
            if abs(waited_s - OLD_BACKEND_S) < LOCK_POLL_S / 2:
                await self._fenced.end_older_attempts()
            await asyncio.sleep(LOCK_POLL_S)
            waited_s += LOCK_POLL_S
        try:
            if not await connection.fetchval(queries.HOLDS_ALONE_LOCK, self._stamp.scope):
                raise self._blame.pooled(self._stamp.target)
            with self._fenced.only_this_connection(), hearing(connection, self._tell):
                yield connection
        finally:
            # a connection that is lost has let go of it
            with suppress(*LOST):
                await connection.execute(queries.LEAVE_ALONE_LOCK, self._stamp.scope)

    async def _once(self, connection: asyncpg.Connection, one: Numbered) -> None:
        if one.only_sets:
            await self._send(connection, one.statement.text, self._limits.lock_timeout_ms)
        elif one.batch is not None:
            await self._in_ranges(one, one.batch)
        elif runs_alone(one.statement):
            await self._alone(connection, one)
        else:
            await self._in_its_own_transaction(one)

    async def _alone(self, connection: asyncpg.Connection, one: Numbered) -> None:
        """Intent, deed, record; an intent that is there already is looked into first."""
        state, facts, is_new = await self._intend(one)
        if state == "applied":
            return
        if not is_new:
            found = await look(connection, one.probe, facts)
            await self._clean_up(connection, found)
            if found.happened is Happened.UNKNOWN:
                await self._put_state(one, "uncertain")
                raise self._blame.uncertain(one.statement.verb, one)
            if found.happened is Happened.YES:
                await self._put_state(one, "applied")
                return
        await self._act(connection, one, facts)
        await self._put_state(one, "applied")

    async def _intend(self, one: Numbered) -> tuple[str, Facts, bool]:
        async with self._fenced.transaction() as connection:
            known = await connection.fetchrow(queries.STATEMENT_STATE, *self._key(one))
            if known is not None:
                return known["state"], json.loads(known["facts"]), False
            facts = await facts_before(connection, one.probe)
            await self._insert(connection, one, "intent", facts)
        return "intent", json.loads(facts), True

    async def _act(self, connection: asyncpg.Connection, one: Numbered, facts: Facts) -> None:
        try:
            await self._send(connection, one.statement.text, self._lock_timeout_ms(one))
        except asyncpg.PostgresError as error:
            if isinstance(error, LOST):
                raise
            failure = sql_failure(error, self._step, self._script, one.statement)
            failure = replace(failure, left_behind=await self._after_failure(connection, one, facts))
            if one.probe is None:
                # what it has committed by itself is not known: it is never sent again unasked
                raise StepFailed(replace(failure, safe_to_retry=False), self._ordinal) from error
            raise_failure(failure, self._ordinal, error)
        taken = await invalid_index(connection, one.probe)
        if taken is not None:
            await self._forget(one)
            raise StepFailed(self._blame.failure(one, invalid_taken(taken)), self._ordinal)

    async def _after_failure(self, connection: asyncpg.Connection, one: Numbered, facts: Facts) -> str:
        """Take away what the failed statement left, for a short while and uninterrupted; what stays, in words."""
        with self._fenced.uninterrupted():
            try:
                found = await look(connection, one.probe, facts)
                await self._clean_up(connection, found)
            except asyncpg.PostgresError as error:
                if isinstance(error, LOST):
                    raise
                # its intent stays with it: whoever comes next looks again, and takes it away
                return self._blame.left_over(
                    one, f"what {one.statement.verb} began ({error}); the next run takes it away"
                )
            if found.happened is Happened.YES:
                await self._put_state(one, "applied")
                return self._blame.left_over(one, f"{one.statement.verb} itself, which has happened all the same")
            await self._forget(one)
        if one.probe is None:
            return self._blame.left_over(one, f"whatever {one.statement.verb} had committed by itself")
        return self._blame.left_over(one, found.left)

    async def _clean_up(self, connection: asyncpg.Connection, found: Found) -> None:
        for statement in found.cleanup:
            await self._send(connection, statement, min(self._limits.lock_timeout_ms, CLEAN_UP_LOCK_TIMEOUT_MS))

    async def _send(self, connection: asyncpg.Connection, text: str, lock_timeout_ms: int) -> None:
        await connection.execute(
            session_limits_sql(connection, lock_timeout_ms, self._limits.alone_statement_timeout_ms)
        )
        await connection.execute(text)

    def _lock_timeout_ms(self, one: Numbered) -> int:
        """Whoever keeps others waiting while it waits gives way as every definition does."""
        limits = self._limits
        return limits.alone_lock_timeout_ms if waits_quietly(one.statement) else limits.lock_timeout_ms

    async def _in_its_own_transaction(self, one: Numbered) -> None:
        """The statement and its record are one commit, so that it happens once whatever dies."""
        limits = self._limits
        async with self._fenced.transaction() as connection:
            if await connection.fetchrow(queries.STATEMENT_STATE, *self._key(one)) is not None:
                return
            await connection.execute(
                limits_sql(connection, limits.lock_timeout_ms, limits.statement_timeout_ms, limits.idle_timeout_ms)
            )
            try:
                await Enforcer(connection, limits).before(one.statement)
                await connection.execute(one.statement.text)
            except asyncpg.PostgresError as error:
                if isinstance(error, LOST):
                    raise
                failure = sql_failure(error, self._step, self._script, one.statement)
                failure = replace(failure, left_behind=self._blame.left_over(one))
                raise_failure(failure, self._ordinal, error)
            if not connection.is_in_transaction():
                raise TransactionEnded(transaction_ended(self._step), self._ordinal)
            await self._insert(connection, one, "applied", "{}")

    async def _in_ranges(self, one: Numbered, batch: Batch) -> None:
        """What was done of it stays, also when it fails or is cancelled: the next run goes on from there."""
        batched = BatchedStatement(
            self._fenced, self._stamp, self._key(one), one.statement, batch, self._limits, self._guide
        )
        left = f"the ranges of {batch.table} that were done stay; the next run goes on behind them"
        try:
            await batched.run()
        except asyncpg.PostgresError as error:
            if isinstance(error, LOST):
                raise
            failure = sql_failure(error, self._step, self._script, one.statement)
            raise_failure(replace(failure, left_behind=left), self._ordinal, error)
        self._stop_if_halted(left)

    async def _record(self, duration_ms: int) -> None:
        async with self._fenced.transaction() as connection:
            if not await self._fenced.begin_step(self._ordinal, self._step, self._limits):
                return
            await self._verify(connection)
            await records.write_done(connection.fetchrow, self._stamp, self._ordinal, self._step, duration_ms)
            await connection.execute(queries.FORGET_STATEMENTS, self._stamp.scope, self._step.name)

    async def _verify(self, connection: asyncpg.Connection) -> None:
        try:
            await run_verify(connection, self._ordinal, self._step)
        except StepFailed as failed:
            left = "all its statements are done; they stay, and the next run only verifies again"
            raise StepFailed(replace(failed.failure, left_behind=left), self._ordinal) from failed

    async def _put_state(self, one: Numbered, state: str) -> None:
        async with self._fenced.transaction() as connection:
            await connection.execute(queries.PUT_STATEMENT_STATE, *self._key(one), state, self._stamp.epoch)

    async def _forget(self, one: Numbered) -> None:
        async with self._fenced.transaction() as connection:
            await connection.execute(queries.FORGET_STATEMENT, *self._key(one))

    async def _insert(self, connection: asyncpg.Connection, one: Numbered, state: str, facts: str) -> None:
        await connection.execute(
            queries.NOTE_STATEMENT, *self._key(one), state, facts, self._stamp.job_id, self._stamp.epoch
        )

    def _key(self, one: Numbered) -> tuple[Any, ...]:
        return self._stamp.scope, self._step.name, self._step.direction.value, one.sha256, one.occurrence

    def _stop_if_halted(self, left: str) -> None:
        if self._guide.is_halted():
            stopped = Failure(
                FailureCode.SQL_ERROR, "the job was asked to stop", sqlstate=QUERY_CANCELED, left_behind=left
            )
            raise StepFailed(stopped, self._ordinal)
