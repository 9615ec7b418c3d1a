"""One attempt at work on one target: the pinned plan, the steps, how each ended, the end."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import chain, repeat
from typing import TypeVar
from uuid import UUID

import asyncpg

from app import failpoints
from app.adapters.codec import ENDED, PINNED, to_json
from app.adapters.target import marks, queries, records
from app.adapters.target.alone import AloneStep
from app.adapters.target.at_once import OneByOne, apply_at_once, goes_at_once
from app.adapters.target.connection import Patience
from app.adapters.target.failures import commit_failure
from app.adapters.target.fenced import FencedConnection
from app.adapters.target.hearing import Sayings, Tell, hearing
from app.adapters.target.preserve.keeper import Keeper
from app.adapters.target.preserve.side_table import SideTable
from app.adapters.target.schema_watch import SchemaWatch
from app.adapters.target.scripts import (
    leaves_session_state,
    raise_failure,
    restore_session,
    run_body,
    run_verify,
    transaction_ended,
)
from app.domain.drift import Kept
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.failure import Failure
from app.domain.hiding import failure_without, without
from app.domain.job import Attempt, Ended
from app.domain.ledger import History
from app.domain.pinned import Pinned, pin_plan
from app.domain.signals import LockNotAvailable, NeedsAttention, StepFailed, TransactionEnded
from app.domain.step import Deed, Plan, Step
from app.ports import UNGUIDED, Acquired, DoneBefore, FenceBusy, Guide, Limits, TargetView

T = TypeVar("T")

LATE_CANCELS = 3


class PostgresTargetSession:
    """Implements ports.TargetSession."""

    def __init__(
        self, environment: Environment, attempt: Attempt, patience: Patience, secrets: frozenset[str] = frozenset()
    ) -> None:
        self._environment = environment
        self._scope = environment.scope
        self._attempt = attempt
        self._secrets = secrets
        self._fenced = FencedConnection(environment, attempt, patience)
        self._one_by_one: set[int] = set()
        self._sayings: dict[int, Sayings] = {}
        self._schema = SchemaWatch(environment, attempt, self._fenced)
        self._keeper = Keeper(environment, attempt, patience.keep_bytes)

    async def open(self) -> None:
        """Raises BackendUnavailable."""
        await self._fenced.open()

    @property
    def backend_pid(self) -> int | None:
        return self._fenced.backend_pid

    async def acquire(self, attempt: Attempt, nonce: UUID) -> Acquired | DoneBefore | FenceBusy:
        return await self._fenced.acquire(attempt, nonce)

    async def pin(self, plan: Callable[[TargetView], Plan]) -> tuple[Pinned, History]:
        return await _though_cancelled(lambda: self._pin(plan))

    async def _pin(self, plan: Callable[[TargetView], Plan]) -> tuple[Pinned, History]:
        failpoints.reach("pin.before", self._fenced)
        async with self._fenced.said_plainly(), self._fenced.transaction() as connection:
            view, stored = await records.read_view_and_plan(connection, self._scope, self._attempt.job_id)
            await self._keeper.look(connection, view)
            if stored is not None:
                return stored, view.history
            pinned = pin_plan(plan(await self._schema.seen_with(connection, view)))
            if pinned.steps:
                # an empty plan may be made again: it changes nothing
                await records.pin(connection, self._environment, view, self._attempt.job_id, pinned)
        failpoints.reach("pin.after", self._fenced)
        return pinned, view.history

    async def apply(self, first: int, steps: Sequence[Step], limits: Limits, guide: Guide = UNGUIDED) -> int:
        try:
            return await self._apply(first, steps, limits, guide)
        except (StepFailed, NeedsAttention, LockNotAvailable) as failed:
            # what a file raises may hold the address that it has tried
            failed.failure = failure_without(failed.failure, self._secrets)
            failed.args = (failed.failure.message,)
            raise

    async def record_failure(self, ordinal: int, step: Step, failure: Failure, undo: Sequence[Step]) -> None:
        await _though_cancelled(self._fenced.clean)
        await _though_cancelled(lambda: self._record_failure(ordinal, step, failure, undo))

    async def _record_failure(self, ordinal: int, step: Step, failure: Failure, undo: Sequence[Step]) -> None:
        failpoints.reach("failure.before", self._fenced)
        async with self._fenced.said_plainly(), self._fenced.transaction() as connection:
            _, pinned = await records.read_view_and_plan(connection, self._scope, self._attempt.job_id)
            assert pinned is not None
            if pinned.failure is not None:
                return
            failed = to_json(PINNED, pinned.failed_at(ordinal, failure, undo))
            await connection.execute(queries.STORE_PLAN, self._scope, self._attempt.job_id, failed)
            if step.deed is Deed.EXECUTED:
                await records.write_failed(connection, self._stamp(), step, failure)
        failpoints.reach("failure.after", self._fenced)

    async def finish(self, outcome: Ended) -> Kept | None:
        return await _though_cancelled(lambda: self._finish(outcome))

    async def _finish(self, outcome: Ended) -> Kept | None:
        failpoints.reach("finish.before", self._fenced)
        async with self._fenced.said_plainly(), self._fenced.transaction() as connection:
            kept = await self._schema.keep(connection)
            await connection.execute(
                queries.F3_DONE, self._scope, self._attempt.job_id, to_json(ENDED, outcome), self._fenced.epoch
            )
        failpoints.reach("finish.after", self._fenced)
        return kept

    async def close(self) -> None:
        await self._fenced.close()

    async def _apply(self, first: int, steps: Sequence[Step], limits: Limits, guide: Guide) -> int:
        began = time.monotonic()
        await _though_cancelled(self._fenced.clean)
        if not steps[0].transactional:
            await self._apply_alone(first, steps[0], limits, guide, began)
            return _ms_since(began)
        try:
            await self._apply_together(first, steps, limits, guide)
        except OneByOne:
            self._one_by_one.update(range(first, first + len(steps)))
            await self._apply_together(first, steps, limits, guide)
        except LockNotAvailable:
            # the next try can say at which statement it waits
            self._one_by_one.update(range(first, first + len(steps)))
            raise
        for ordinal in range(first, first + len(steps)):
            self._sayings.pop(ordinal, None)
        return _ms_since(began)

    async def _apply_together(self, first: int, steps: Sequence[Step], limits: Limits, guide: Guide) -> None:
        """One transaction. Raises OneByOne, with nothing done, to be asked again."""
        try:
            async with self._fenced.step(first, steps[0], limits) as (connection, started):
                for ordinal, step in enumerate(steps, first):
                    if (ordinal == first and started) or await self._fenced.begin_step(ordinal, step, limits):
                        async with self._schema.around(connection, ordinal, step):
                            await self._apply_one(connection, ordinal, step, limits, guide)
                await guide.before_commit()
        except asyncpg.PostgresError as error:
            # not from a statement of the script: a deferred constraint at COMMIT, or a ledger it has broken
            raise_failure(commit_failure(error, steps[-1]), first + len(steps) - 1, error)

    async def _apply_one(
        self, connection: asyncpg.Connection, ordinal: int, step: Step, limits: Limits, guide: Guide
    ) -> None:
        began = time.monotonic()
        if step.deed is not Deed.EXECUTED:
            await self._record_one(connection, ordinal, step, guide)
            return
        if ordinal not in self._one_by_one and goes_at_once(step) and not self._keeper.looks_after(step):
            with hearing(connection, self._listener(ordinal, guide)):
                done = await apply_at_once(connection, self._fenced.prepared, self._stamp(), ordinal, step)
            if not done:
                raise TransactionEnded(transaction_ended(step), ordinal)
            return
        if leaves_session_state(step.body) or step.verify is not None:
            self._fenced.soil()

        # what it destroys is kept by running it again: it says the same
        listeners = chain([self._listener(ordinal, guide)], repeat(_ignored))

        async def carried_out() -> None:
            with hearing(connection, next(listeners)):
                await run_body(connection, ordinal, step, limits, guide)
                await run_verify(connection, ordinal, step)
            await restore_session(connection, step, limits)

        said = await self._keeper.around(connection, self._stamp(), ordinal, step, carried_out)
        if said:
            guide.note(ordinal, "; ".join(said))
        if not await records.write_done(self._fenced.prepared.row, self._stamp(), ordinal, step, _ms_since(began)):
            raise TransactionEnded(transaction_ended(step), ordinal)

    async def _record_one(self, connection: asyncpg.Connection, ordinal: int, step: Step, guide: Guide) -> None:
        if step.deed is Deed.RETRIEVED:
            wanted = self._attempt.request.retrieval
            assert wanted is not None
            guide.note(ordinal, await SideTable(connection, self._stamp(), ordinal, step, wanted).fill())
            return
        note = self._attempt.request.note
        if not await marks.write_record(self._fenced.prepared.row, self._stamp(), ordinal, step, note):
            raise TransactionEnded(transaction_ended(step), ordinal)

    async def _apply_alone(self, ordinal: int, step: Step, limits: Limits, guide: Guide, began: float) -> None:
        self._fenced.soil()
        # a statement that is done is not sent again: whatever it says is new
        tell = Sayings(self._teller(ordinal, guide)).listener()
        alone = AloneStep(self._fenced, self._stamp(), ordinal, step, limits, guide, tell)
        try:
            await alone.apply(lambda: _ms_since(began))
        except asyncpg.PostgresError as error:
            left = "the statements before it that were done stay; they are not run again"
            raise_failure(replace(commit_failure(error, step), left_behind=left), ordinal, error)

    def _listener(self, ordinal: int, guide: Guide) -> Tell:
        """A lock that was not free, or an error that has to be found, may have it carried out again."""
        return self._sayings.setdefault(ordinal, Sayings(self._teller(ordinal, guide))).listener()

    def _teller(self, ordinal: int, guide: Guide) -> Tell:
        return lambda line: guide.heard(ordinal, without(line, self._secrets))

    def _stamp(self) -> records.Stamp:
        return records.Stamp(
            self._environment.name, self._scope, self._attempt.job_id, self._fenced.epoch, self._attempt.actor
        )


async def _though_cancelled(work: Callable[[], Awaitable[T]]) -> T:
    """What is ours stands beside what may be cancelled; but a cancel that was sent for a script may come behind it."""
    for _ in range(LATE_CANCELS):
        try:
            return await work()
        except (BackendUnavailable, asyncpg.QueryCanceledError) as error:
            if not isinstance(error.__cause__ or error, asyncpg.QueryCanceledError):
                raise
    return await work()


def _ignored(_line: str) -> None:
    pass


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
