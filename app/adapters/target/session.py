"""One attempt at work on one target: the fence, the pinned plan, the steps, the end.

Every transaction after F1 begins with the fence check F2; no row there means that a newer attempt holds
the target, and nothing of ours is written. A lost connection is made again with the same nonce and epoch:
F1 is never repeated by the same attempt.
"""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import structlog

from app.adapters.codec import ENDED, PINNED, from_json, to_json
from app.adapters.postgres import LOST, UNUSABLE, unavailable
from app.adapters.target import preconditions, queries, records
from app.adapters.target.connection import Patience, close, connect, transaction
from app.adapters.target.failures import commit_failure
from app.adapters.target.prepared import Prepared
from app.adapters.target.scripts import (
    leaves_session_state,
    raise_failure,
    restore_session,
    run_body,
    run_verify,
    transaction_ended,
)
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable, ConnectionLost, Fenced, TransactionEnded
from app.domain.failure import Failure
from app.domain.job import Attempt, Ended
from app.domain.ledger import History
from app.domain.pinned import Pinned, pin_plan
from app.domain.step import Plan, Step
from app.ports import Acquired, DoneBefore, FenceBusy, Limits, TargetView

log = structlog.get_logger()


class PostgresTargetSession:
    """Implements ports.TargetSession."""

    def __init__(self, environment: Environment, attempt: Attempt, patience: Patience) -> None:
        self._environment = environment
        self._scope = environment.scope
        self._attempt = attempt
        self._patience = patience
        self._connection: asyncpg.Connection | None = None
        self._prepared: Prepared
        self._nonce: UUID | None = None
        self._epoch = 0
        self._dirty = False
        self._lost_pid: int | None = None
        self._overdue_pid: int | None = None
        self._pid: int | None = None

    async def open(self) -> None:
        """Raises BackendUnavailable."""
        name = f"liftlock:job={self._attempt.job_id}:attempt={self._attempt.number}"
        try:
            self._connection = await connect(self._environment.dsn, name)
        except (*LOST, *UNUSABLE, asyncpg.PostgresError) as error:
            raise self._unavailable(error) from error
        self._prepared = Prepared(self._connection)
        self._pid = self._connection.get_server_pid()

    async def acquire(self, attempt: Attempt, nonce: UUID) -> Acquired | DoneBefore | FenceBusy:
        try:
            return await self._acquire(attempt, nonce)
        except asyncpg.LockNotAvailableError:
            await self._end_older_attempts()
        try:
            return await self._acquire(attempt, nonce)
        except asyncpg.LockNotAvailableError:
            return await self._holder()

    async def pin(self, plan: Callable[[TargetView], Plan]) -> tuple[Pinned, History]:
        async with self._said_plainly(), self._fenced() as connection:
            view, stored = await records.read_view_and_plan(connection, self._scope, self._attempt.job_id)
            if stored is not None:
                return stored, view.history
            pinned = pin_plan(plan(view))
            if pinned.steps:
                # an empty plan may be made again: it changes nothing
                await records.pin(connection, self._environment, view, self._attempt.job_id, pinned)
        return pinned, view.history

    async def apply(self, first: int, steps: Sequence[Step], limits: Limits) -> int:
        began = time.monotonic()
        await self._clean()
        try:
            async with self._fenced() as connection:
                for ordinal, step in enumerate(steps, first):
                    await self._apply_one(connection, ordinal, step, limits)
        except asyncpg.PostgresError as error:
            # not from a statement of the script: a deferred constraint at COMMIT, or a ledger it has broken
            raise_failure(commit_failure(error, steps[-1]), first + len(steps) - 1, error)
        return _ms_since(began)

    async def record_failure(self, ordinal: int, step: Step, failure: Failure, undo: Sequence[Step]) -> None:
        await self._clean()
        async with self._said_plainly(), self._fenced() as connection:
            _, pinned = await records.read_view_and_plan(connection, self._scope, self._attempt.job_id)
            assert pinned is not None
            if pinned.failure is not None:
                return
            failed = to_json(PINNED, pinned.failed_at(ordinal, failure, undo))
            await connection.execute(queries.STORE_PLAN, self._scope, self._attempt.job_id, failed)
            await records.write_failed(connection, self._stamp(), step, failure)

    async def finish(self, outcome: Ended) -> None:
        async with self._said_plainly(), self._fenced() as connection:
            await connection.execute(
                queries.F3_DONE, self._scope, self._attempt.job_id, to_json(ENDED, outcome), self._epoch
            )

    async def close(self) -> None:
        await close(self._connection)

    async def _acquire(self, attempt: Attempt, nonce: UUID) -> Acquired | DoneBefore | FenceBusy:
        connection = await self._opened()
        async with self._said_plainly():
            try:
                taken = await self._take_fence(connection, attempt, nonce)
            except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
                taken = None
            if taken is None:
                # held by another, or never taken before: only then is it asked whether there is a ledger at all
                await self._prepare_target(connection)
                taken = await self._take_fence(connection, attempt, nonce)
        if taken is None:
            return await self._holder()
        if isinstance(taken, Ended):
            return DoneBefore(taken)
        self._nonce, self._epoch = nonce, taken
        return Acquired(taken)

    async def _take_fence(self, connection: asyncpg.Connection, attempt: Attempt, nonce: UUID) -> int | Ended | None:
        """F1: the new epoch; how the job had ended; None when there is no fence for us to take."""
        try:
            async with transaction(connection, self._patience):
                epoch = await connection.fetchval(
                    queries.F1_ACQUIRE, self._scope, nonce, attempt.job_id, attempt.number, attempt.floor_epoch
                )
                if epoch is None:
                    return None
                outcome = await connection.fetchval(queries.F1_JOB_DONE, self._scope, attempt.job_id)
                if outcome is not None:
                    # the row just written must not stand: the job has ended, nobody would free the target again
                    raise _EndedBefore(from_json(ENDED, outcome))
                return int(epoch)
        except _EndedBefore as ended:
            return ended.outcome

    async def _prepare_target(self, connection: asyncpg.Connection) -> None:
        async with transaction(connection, self._patience):
            await records.ensure_ledger(connection)
            await connection.execute(queries.F1_ENSURE_ROW, self._scope)

    async def _apply_one(self, connection: asyncpg.Connection, ordinal: int, step: Step, limits: Limits) -> None:
        began = time.monotonic()
        self._dirty = self._dirty or leaves_session_state(step.body) or step.verify is not None
        noted = await self._prepared.row(
            queries.BEGIN_STEP,
            self._scope,
            self._attempt.job_id,
            ordinal,
            step.name,
            step.direction.value,
            self._epoch,
            str(limits.lock_timeout_ms),
            str(limits.statement_timeout_ms),
            str(limits.idle_timeout_ms),
        )
        assert noted is not None
        if not noted["begun"]:
            preconditions.refuse_half_done(ordinal, step, noted["status"])
            return
        preconditions.refuse_other_ledger(ordinal, step, noted["status"], noted["checksum"])
        await run_body(connection, ordinal, step, limits)
        await run_verify(connection, ordinal, step)
        await restore_session(connection, step, limits)
        # a script may have deallocated what was prepared
        row = connection.fetchrow if leaves_session_state(step.body) else self._prepared.row
        written = await records.write_done(row, self._stamp(), step, noted["xid"], _ms_since(began))
        if not written:
            raise TransactionEnded(transaction_ended(step), ordinal)

    @asynccontextmanager
    async def _fenced(self) -> AsyncIterator[asyncpg.Connection]:
        """A transaction whose first statement proves that the target is still ours; raises Fenced."""
        connection = await self._opened()
        await self._end_overdue(connection)
        async with transaction(connection, self._patience):
            if not await self._is_ours():
                raise Fenced(f"attempt {self._attempt.number} of job {self._attempt.job_id} was superseded")
            yield connection

    async def _is_ours(self) -> bool:
        """Our own lost backend may still hold the row; when it does so for too long, it is ended next time."""
        try:
            return await self._prepared.row(queries.F2_CHECK, self._scope, self._nonce, self._epoch) is not None
        except asyncpg.LockNotAvailableError as error:
            self._overdue_pid = self._lost_pid
            raise ConnectionLost("the fence row is still locked, perhaps by the connection that was lost") from error

    async def _opened(self) -> asyncpg.Connection:
        """The connection, made again when it was lost; its old backend may still be at work."""
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        self._lost_pid = self._pid
        await self.open()
        assert self._connection is not None
        self._dirty = False
        log.info("target.reconnected", job=str(self._attempt.job_id), lost_pid=self._lost_pid)
        return self._connection

    async def _end_overdue(self, connection: asyncpg.Connection) -> None:
        if self._overdue_pid is not None:
            await connection.execute(queries.TERMINATE_LOST, self._overdue_pid, str(self._attempt.job_id))
            self._overdue_pid = None

    async def _end_older_attempts(self) -> None:
        connection = await self._opened()
        ended = await connection.fetch(
            queries.TERMINATE_OLDER_ATTEMPTS, str(self._attempt.job_id), self._attempt.number
        )
        log.warning("target.older_attempt_ended", job=str(self._attempt.job_id), pids=[row[0] for row in ended])

    async def _holder(self) -> FenceBusy:
        connection = await self._opened()
        row = await connection.fetchrow(queries.F1_HOLDER, self._scope)
        return FenceBusy(row["job_id"], row["attempt"], row["acquired_at"]) if row else FenceBusy(None, None, None)

    async def _clean(self) -> None:
        """A script's settings, roles and temporary tables do not outlive its step."""
        if not self._dirty:
            return
        connection = await self._opened()
        try:
            await connection.execute("DISCARD ALL")
            self._prepared.forget()
        except LOST as error:
            raise ConnectionLost(str(error)) from error
        self._dirty = False

    def _stamp(self) -> records.Stamp:
        return records.Stamp(
            self._environment.name, self._scope, self._attempt.job_id, self._epoch, self._attempt.actor
        )

    @asynccontextmanager
    async def _said_plainly(self) -> AsyncIterator[None]:
        """What our own statements are refused by the server, in our words."""
        try:
            yield
        except asyncpg.LockNotAvailableError:
            raise
        except asyncpg.PostgresError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: BaseException) -> BackendUnavailable:
        return unavailable(error, self._environment.dsn, f"the target of {self._environment.name}")


class _EndedBefore(Exception):
    """Rolls back F1: the job had ended in an earlier attempt."""

    def __init__(self, outcome: Ended) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
