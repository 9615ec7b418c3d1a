"""One connection that proves in every transaction that the target is still ours.

F1 takes the fence; every later transaction begins with the fence check F2; no row there means that a newer
attempt holds the target, and nothing of ours is written. A lost connection is made again with the same nonce
and epoch: F1 is never repeated by the same attempt.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

import asyncpg
import structlog

from app import failpoints
from app.adapters.codec import ENDED, from_json
from app.adapters.postgres import LOST, NO_TABLES, UNUSABLE, Unfit, how_lost, unavailable
from app.adapters.target import preconditions, queries, records
from app.adapters.target.connection import Patience, begin, close, limits_sql, to_commit, transaction
from app.adapters.target.pooling import Pooling
from app.adapters.target.prepared import POOLED, STRAYED, Prepared
from app.adapters.target.scripts import unlocking
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.job import Attempt, Ended
from app.domain.signals import ConnectionLost, Fenced
from app.domain.step import Deed, Step
from app.ports import Acquired, DoneBefore, FenceBusy, Limits

_ONE_INSERTED = "INSERT 0 1"

log = structlog.get_logger()


class FencedConnection:
    def __init__(self, environment: Environment, attempt: Attempt, patience: Patience) -> None:
        self.epoch = 0
        self.prepared: Prepared
        self._environment = environment
        self._scope = environment.scope
        self._attempt = attempt
        self._patience = patience
        self._connection: asyncpg.Connection | None = None
        self._nonce = UUID(int=0)
        self._dirty = False
        self._lost_pid: int | None = None
        self._overdue_pid: int | None = None
        self._pid: int | None = None
        self._pooling = Pooling(f"liftlock:job={attempt.job_id}:attempt={attempt.number}", environment.scope)
        self._interruptible = True
        self._kept = False

    async def open(self) -> None:
        """Raises BackendUnavailable."""
        try:
            self._connection = await self._pooling.connect(self._environment.worked_at)
        except (*LOST, *UNUSABLE, asyncpg.PostgresError) as error:
            raise self._unavailable(error) from error
        self.prepared = Prepared(self._connection, pooled=self._pooling.is_there)
        self._pid = None if self._pooling.is_there else self._connection.get_server_pid()
        failpoints.reach("target.connected", self._connection)

    @property
    def backend_pid(self) -> int | None:
        """Behind a pooler it is that of the transaction that was begun last."""
        return self._pid if self._interruptible else None

    async def acquire(self, attempt: Attempt, nonce: UUID) -> Acquired | DoneBefore | FenceBusy:
        try:
            return await self._acquire(attempt, nonce)
        except asyncpg.LockNotAvailableError:
            await self.end_older_attempts()
        try:
            return await self._acquire(attempt, nonce)
        except asyncpg.LockNotAvailableError:
            return await self._holder()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """A transaction whose first statement proves that the target is still ours; raises Fenced."""
        connection = await self._opened()
        await self._end_overdue(connection)
        async with transaction(connection, self._patience, self._pooling.naming):
            await self._prove_ours()
            yield connection

    @asynccontextmanager
    async def step(self, ordinal: int, step: Step, limits: Limits) -> AsyncIterator[tuple[asyncpg.Connection, bool]]:
        """As `transaction`, with the step noted in the same message when all is as planned; raises Fenced."""
        connection = await self._opened()
        await self._end_overdue(connection)
        failpoints.reach("step.before", connection)
        with self._waiting_for_ourselves():
            done = await begin(connection, self._patience, await self._opening(connection, ordinal, step, limits))
        async with to_commit(connection, unlocking(step)):
            failpoints.reach("step.begun", connection)
            started = done == _ONE_INSERTED
            if not started:
                await self._prove_ours()
            yield connection, started
            failpoints.reach("step.before_commit", connection)
        failpoints.reach("step.after_commit", connection)

    async def begin_step(self, ordinal: int, step: Step, limits: Limits) -> bool:
        """False when an earlier attempt has committed the step. Raises what is not as it was planned."""
        noted = await self.prepared.row(
            queries.BEGIN_STEP,
            *(self._scope, self._attempt.job_id, ordinal, step.name, step.direction.value, self.epoch),
            *(str(limits.lock_timeout_ms), str(limits.statement_timeout_ms), str(limits.idle_timeout_ms)),
        )
        assert noted is not None
        if not noted["begun"]:
            preconditions.refuse_half_done(ordinal, step, noted["status"])
            return False
        preconditions.refuse_other_ledger(ordinal, step, noted["status"], noted["checksum"])
        return True

    async def clean(self) -> None:
        """What a script has set does not outlive its step. Behind a pooler its own transaction has seen to it."""
        if not self._dirty or self._pooling.is_there:
            return
        connection = await self._opened()
        try:
            await connection.execute("DISCARD ALL")
            self.prepared.forget()
        except LOST as error:
            raise ConnectionLost(str(error)) from error
        self._dirty = False

    def soil(self) -> None:
        """What runs next may leave settings, a role or temporary tables behind, and take away what is prepared."""
        self._dirty = True
        self.prepared.doubt()

    @contextmanager
    def uninterrupted(self) -> Iterator[None]:
        """What a failed statement has left is taken away, also when the job was cancelled."""
        self._interruptible = False
        try:
            yield
        finally:
            self._interruptible = True

    @contextmanager
    def only_this_connection(self) -> Iterator[None]:
        """A lock and settings belong to its session: one that is lost is not made anew while the body runs."""
        self._kept = True
        try:
            yield
        finally:
            self._kept = False

    async def direct_connection(self) -> asyncpg.Connection | None:
        """None behind a pooler: it answers with a process number of its own making."""
        connection = await self._opened()
        is_direct = await connection.fetchval("SELECT pg_backend_pid()") == connection.get_server_pid()
        return connection if is_direct else None

    async def close(self) -> None:
        await close(self._connection)

    def terminate(self) -> None:
        """Cut the connection as it stands."""
        if self._connection is not None:
            self._connection.terminate()

    @asynccontextmanager
    async def said_plainly(self) -> AsyncIterator[None]:
        """What our own statements are refused by the server, in our words."""
        try:
            yield
        except asyncpg.LockNotAvailableError:
            raise
        except (asyncpg.PostgresError, Unfit) as error:
            raise self._unavailable(error) from error

    async def _acquire(self, attempt: Attempt, nonce: UUID) -> Acquired | DoneBefore | FenceBusy:
        connection = await self._opened()
        async with self.said_plainly():
            failpoints.reach("fence.before", connection)
            try:
                taken = await self._take_fence(connection, attempt, nonce)
            except NO_TABLES:
                taken = None
            if taken is None:
                # held by another, or never taken before: only then is it asked whether there is a ledger at all
                await self._prepare_target(connection)
                taken = await self._take_fence(connection, attempt, nonce)
        if taken is None:
            return await self._holder()
        if isinstance(taken, Ended):
            return DoneBefore(taken)
        self._nonce, self.epoch = nonce, taken
        failpoints.reach("fence.after", connection)
        return Acquired(taken)

    async def _take_fence(self, connection: asyncpg.Connection, attempt: Attempt, nonce: UUID) -> int | Ended | None:
        """F1: the new epoch; how the job had ended; None when there is no fence for us to take."""
        try:
            async with transaction(connection, self._patience, self._pooling.naming):
                row = await connection.fetchrow(
                    queries.F1_ACQUIRE, self._scope, nonce, attempt.job_id, attempt.number, attempt.floor_epoch
                )
                if row is None:
                    return None
                if await self._pooling.notice(connection, row["pid"]):
                    self.prepared.strayed()
                outcome = await connection.fetchval(queries.F1_JOB_DONE, self._scope, attempt.job_id)
                if outcome is not None:
                    # the row just written must not stand: the job has ended, nobody would free the target again
                    raise _EndedBefore(from_json(ENDED, outcome))
                return int(row["epoch"])
        except _EndedBefore as ended:
            return ended.outcome

    async def _prepare_target(self, connection: asyncpg.Connection) -> None:
        async with transaction(connection, self._patience):
            await records.ensure_ledger(connection)
            await connection.execute(queries.F1_ENSURE_ROW, self._scope)

    async def _opening(self, connection: asyncpg.Connection, ordinal: int, step: Step, limits: Limits) -> str:
        """F2, our limits for the script, and the row that says that the step has begun; or what takes their place."""
        if step.deed is not Deed.EXECUTED:
            # what it expects of the ledger is not what START_STEP asks; it is asked alone
            return self._pooling.naming
        job_id, name, direction = self._attempt.job_id, step.name, step.direction.value
        check = await self.prepared.call(queries.F2_CHECK, self._scope, self._nonce, self.epoch)
        start = await self.prepared.call(
            queries.START_STEP,
            *(self._scope, job_id, ordinal, name, direction, self.epoch, self._nonce, step.checksum.raw),
        )
        if check is None or start is None:
            return self._pooling.naming
        ours = limits_sql(connection, limits.lock_timeout_ms, limits.statement_timeout_ms, limits.idle_timeout_ms)
        return f"{check}; {ours}; {start}"

    async def _prove_ours(self) -> None:
        with self._waiting_for_ourselves():
            row = await self.prepared.row(queries.F2_CHECK, self._scope, self._nonce, self.epoch)
        if row is None:
            raise Fenced(f"attempt {self._attempt.number} of job {self._attempt.job_id} was superseded")
        if self._pooling.is_there:
            self._pid = row["pid"]

    @contextmanager
    def _waiting_for_ourselves(self) -> Iterator[None]:
        """Our own lost backend may still hold the row; when it does so for too long, it is ended next time."""
        try:
            yield
        except asyncpg.LockNotAvailableError as error:
            self._overdue_pid = self._lost_pid
            raise ConnectionLost("the fence row is still locked, perhaps by the connection that was lost") from error
        except STRAYED as error:
            self.prepared.strayed()
            raise ConnectionLost(POOLED) from error
        except LOST as error:
            # the driver may have met the server's last words in the middle of ours, and be of no use any more
            self.terminate()
            raise ConnectionLost(how_lost(error)) from error

    async def _opened(self) -> asyncpg.Connection:
        """The connection, made again when it was lost; its old backend may still be at work."""
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        if self._kept:
            raise ConnectionLost("the session whose lock and settings the script needs is gone")
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

    async def end_older_attempts(self) -> None:
        connection = await self._opened()
        ended = await connection.fetch(
            queries.TERMINATE_OLDER_ATTEMPTS, str(self._attempt.job_id), self._attempt.number
        )
        log.warning("target.older_attempt_ended", job=str(self._attempt.job_id), pids=[row[0] for row in ended])

    async def _holder(self) -> FenceBusy:
        connection = await self._opened()
        row = await connection.fetchrow(queries.F1_HOLDER, self._scope)
        return FenceBusy(row["job_id"], row["attempt"], row["acquired_at"]) if row else FenceBusy(None, None, None)

    def _unavailable(self, error: BaseException) -> BackendUnavailable:
        return unavailable(error, self._environment.worked_at, f"the target of {self._environment.name}")


class _EndedBefore(Exception):
    """Rolls back F1: the job had ended in an earlier attempt."""

    def __init__(self, outcome: Ended) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome
