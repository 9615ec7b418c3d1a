"""A step without a transaction around it: statement by statement, each with its intent and its record.

Before a statement is sent, its intent is committed; afterwards, that it is applied. Whoever comes back to an
intent asks the database what became of it (`probing`), and never sends an unknown one again. A session advisory
lock on the very backend that executes keeps two of them apart: unlike the fence it is held while no transaction is.
"""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import asyncpg

from app.adapters.postgres import LOST
from app.adapters.target import preconditions, queries, records
from app.adapters.target.connection import limits_sql, session_limits_sql
from app.adapters.target.failures import sql_failure
from app.adapters.target.fenced import FencedConnection
from app.adapters.target.probing import Facts, Found, Happened, facts_before, invalid_index, look
from app.adapters.target.scripts import QUERY_CANCELED, Enforcer, raise_failure, run_verify, transaction_ended
from app.domain.errors import BackendUnavailable, ConnectionLost, StepFailed, TransactionEnded, Uncertain
from app.domain.failure import Failure, FailureCode
from app.domain.ledger import UNCERTAIN
from app.domain.migration import SqlScript
from app.domain.probes import Probe, probe_of, runs_alone
from app.domain.statements import Statement
from app.domain.step import Step
from app.ports import Halted, Limits

LOCK_POLL_S = 0.1
OLD_BACKEND_S = 5.0
LOCK_PATIENCE_S = 60.0
LOCK_HELD = "another session holds the lock of this target for statements without a transaction; it is tried again"
INVALID_TAKEN = (
    "IF NOT EXISTS has taken the index {name}, which is INVALID: an earlier build of it was broken off; "
    "drop it with DROP INDEX CONCURRENTLY {name}, then run again"
)


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A statement of the script, and what tells it from all others of its migration."""

    place: int
    statement: Statement
    sha256: bytes
    occurrence: int
    probe: Probe | None

    @property
    def only_sets(self) -> bool:
        """A setting for the statements after it: sent again by whoever goes on, and no deed to record."""
        return self.statement.verb in ("SET", "RESET")


class AloneStep:
    """One step of one attempt; `fenced` has its target."""

    def __init__(
        self,
        fenced: FencedConnection,
        stamp: records.Stamp,
        ordinal: int,
        step: Step,
        limits: Limits,
        halted: Halted,
    ) -> None:
        assert isinstance(step.body, SqlScript)
        self._fenced = fenced
        self._stamp = stamp
        self._ordinal = ordinal
        self._step = step
        self._script = step.body
        self._limits = limits
        self._halted = halted
        self._statements = tuple(_numbered(self._script))

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
                    self._stop_if_halted()
                    await self._once(connection, one)
                await self._record(duration_ms())
        except LOST as error:
            raise ConnectionLost(f"{type(error).__name__}: {error}") from error

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
            raise self._uncertain("a statement of an earlier job of it")
        return True

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[asyncpg.Connection]:
        """The session advisory lock, by asking again: a session that waits for it blocks CREATE INDEX CONCURRENTLY."""
        connection = await self._fenced.direct_connection(self._ordinal, self._step)
        waited_s = 0.0
        while not await connection.fetchval(queries.TRY_ALONE_LOCK, self._stamp.scope):
            self._stop_if_halted()
            if waited_s >= LOCK_PATIENCE_S:
                raise BackendUnavailable(LOCK_HELD)
            if abs(waited_s - OLD_BACKEND_S) < LOCK_POLL_S / 2:
                await self._fenced.end_older_attempts()
            await asyncio.sleep(LOCK_POLL_S)
            waited_s += LOCK_POLL_S
        try:
            if not await connection.fetchval(queries.HOLDS_ALONE_LOCK, self._stamp.scope):
                raise self._fenced.refuse_pooler(self._ordinal, self._step)
            yield connection
        finally:
            # a connection that is lost has let go of it
            with suppress(*LOST):
                await connection.execute(queries.LEAVE_ALONE_LOCK, self._stamp.scope)

    async def _once(self, connection: asyncpg.Connection, one: _Numbered) -> None:
        if one.only_sets:
            await self._send(connection, one, one.statement.text)
        elif runs_alone(one.statement):
            await self._alone(connection, one)
        else:
            await self._in_its_own_transaction(one)

    async def _alone(self, connection: asyncpg.Connection, one: _Numbered) -> None:
        """Intent, deed, record; an intent that is there already is looked into first."""
        state, facts, is_new = await self._intend(one)
        if state == "applied":
            return
        if not is_new:
            found = await look(connection, one.probe, facts)
            await self._clean_up(connection, one, found)
            if found.happened is Happened.UNKNOWN:
                await self._put_state(one, "uncertain")
                raise self._uncertain(one.statement.verb)
            if found.happened is Happened.YES:
                await self._put_state(one, "applied")
                return
        await self._act(connection, one, facts)
        await self._put_state(one, "applied")

    async def _intend(self, one: _Numbered) -> tuple[str, Facts, bool]:
        async with self._fenced.transaction() as connection:
            known = await connection.fetchrow(queries.STATEMENT_STATE, *self._key(one))
            if known is not None:
                return known["state"], json.loads(known["facts"]), False
            facts = await facts_before(connection, one.probe)
            await self._insert(connection, one, "intent", facts)
        return "intent", json.loads(facts), True

    async def _act(self, connection: asyncpg.Connection, one: _Numbered, facts: Facts) -> None:
        try:
            await self._send(connection, one, one.statement.text)
        except asyncpg.PostgresError as error:
            if isinstance(error, LOST):
                raise
            left = await self._after_failure(connection, one, facts)
            failure = sql_failure(error, self._step, self._script, one.statement)
            raise_failure(replace(failure, left_behind=left), self._ordinal, error)
        taken = await invalid_index(connection, one.probe)
        if taken is not None:
            await self._forget(one)
            raise StepFailed(self._failure(one, INVALID_TAKEN.format(name=taken)), self._ordinal)

    async def _after_failure(self, connection: asyncpg.Connection, one: _Numbered, facts: Facts) -> str:
        """Take away what the failed statement left, without being interrupted; what is left behind, in words."""
        left = self._done_before(one)
        with self._fenced.uninterrupted():
            try:
                await self._clean_up(connection, one, await look(connection, one.probe, facts))
            except asyncpg.PostgresError as error:
                if isinstance(error, LOST):
                    raise
                return f"{left}; and what {one.statement.verb} began could not be taken away: {error}"
            await self._forget(one)
        return left

    async def _clean_up(self, connection: asyncpg.Connection, one: _Numbered, found: Found) -> None:
        for statement in found.cleanup:
            await self._send(connection, one, statement)

    async def _send(self, connection: asyncpg.Connection, one: _Numbered, text: str) -> None:
        limits = self._limits
        await connection.execute(
            session_limits_sql(connection, limits.alone_lock_timeout_ms, limits.alone_statement_timeout_ms)
        )
        await connection.execute(text)

    async def _in_its_own_transaction(self, one: _Numbered) -> None:
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
                failure = replace(failure, left_behind=self._done_before(one))
                raise_failure(failure, self._ordinal, error)
            if not connection.is_in_transaction():
                raise TransactionEnded(transaction_ended(self._step), self._ordinal)
            await self._insert(connection, one, "applied", "{}")

    async def _record(self, duration_ms: int) -> None:
        async with self._fenced.transaction() as connection:
            if not await self._fenced.begin_step(self._ordinal, self._step, self._limits):
                return
            await run_verify(connection, self._ordinal, self._step)
            await records.write_done(connection.fetchrow, self._stamp, self._ordinal, self._step, duration_ms)
            await connection.execute(queries.FORGET_STATEMENTS, self._stamp.scope, self._step.name)

    async def _put_state(self, one: _Numbered, state: str) -> None:
        async with self._fenced.transaction() as connection:
            await connection.execute(queries.PUT_STATEMENT_STATE, *self._key(one), state, self._stamp.epoch)

    async def _forget(self, one: _Numbered) -> None:
        async with self._fenced.transaction() as connection:
            await connection.execute(queries.FORGET_STATEMENT, *self._key(one))

    async def _insert(self, connection: asyncpg.Connection, one: _Numbered, state: str, facts: str) -> None:
        await connection.execute(
            queries.NOTE_STATEMENT, *self._key(one), state, facts, self._stamp.job_id, self._stamp.epoch
        )

    def _key(self, one: _Numbered) -> tuple[Any, ...]:
        return self._stamp.scope, self._step.name, self._step.direction.value, one.sha256, one.occurrence

    def _done_before(self, one: _Numbered) -> str:
        if not one.place:
            return "nothing: the statement failed, and what it had begun was taken away"
        return f"{one.place} of its {len(self._statements)} statements are done; they stay and are not run again"

    def _stop_if_halted(self) -> None:
        if self._halted():
            stopped = Failure(FailureCode.SQL_ERROR, "the job was asked to stop", sqlstate=QUERY_CANCELED)
            raise StepFailed(stopped, self._ordinal)

    def _failure(self, one: _Numbered, message: str) -> Failure:
        return Failure(
            code=FailureCode.SQL_ERROR,
            message=message,
            migration=self._step.name,
            direction=self._step.direction.value,
            file=self._script.file,
            line=one.statement.line + self._script.line - 1,
            column=one.statement.column,
            statement=one.statement.text,
            left_behind=self._done_before(one),
        )

    def _uncertain(self, what: str) -> Uncertain:
        name = self._step.name
        return Uncertain(
            Failure(
                code=FailureCode.UNCERTAIN,
                message=f"{UNCERTAIN}nobody can tell whether {what} of {name} has happened: its worker died then",
                migration=name,
                direction=self._step.direction.value,
                file=self._script.file,
                left_behind="perhaps the effects of that statement; look at the database",
                safe_to_retry=False,
                next_steps=(
                    "look at the database, finish or take back by hand what the script does",
                    "then say what is true: POST /migrations/mark, with `as` applied or rolled_back",
                ),
            ),
            self._ordinal,
        )


def _numbered(script: SqlScript) -> Iterator[_Numbered]:
    seen: Counter[bytes] = Counter()
    for place, statement in enumerate(script.parsed.statements):
        sha256 = hashlib.sha256(statement.text.encode()).digest()
        probe = probe_of(statement) if runs_alone(statement) else None
        yield _Numbered(place, statement, sha256, seen[sha256], probe)
        seen[sha256] += 1
