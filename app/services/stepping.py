"""One step, tried until it is done: a lock that was not free and a connection that was lost are no failures."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Never
from uuid import UUID

from app.domain.failure import Failure, FailureCode
from app.domain.migration import Direction
from app.domain.pinned import done_so_far
from app.domain.signals import Cancelled, ConnectionLost, Fenced, LockNotAvailable, StepFailed
from app.domain.step import Deed, Step
from app.ports import Clock, Limits, TargetSession, TargetView
from app.services.lookout import Watch
from app.services.progress import Progress

RECONNECTS = 5
RECONNECT_PAUSE_S = 0.2
LOOK_AGAIN_S = 0.25
INTERRUPTED = frozenset({"57014", "25P02"})
"""A statement was cancelled; or one came after it in the same transaction, because a script went on."""


@dataclass(frozen=True, slots=True)
class LockPolicy:
    """Full jitter: random(0, min(cap, base · 2ⁿ)) before each further try.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    tries: int = 10
    base_ms: int = 1_000
    cap_ms: int = 60_000

    def pause_ms(self, tried: int, chance: float) -> float:
        return chance * min(self.cap_ms, self.base_ms << tried)


class Stepper:
    def __init__(
        self,
        session: TargetSession,
        progress: Progress,
        watch: Watch,
        clock: Clock,
        limits: Limits,
        locks: LockPolicy,
    ) -> None:
        self._session = session
        self._progress = progress
        self._watch = watch
        self._clock = clock
        self._limits = limits
        self._locks = locks

    async def one(self, ordinal: int, step: Step) -> None:
        """Raises StepFailed, NeedsAttention, Cancelled, Fenced or ConnectionLost."""
        self._stop_if_asked(ordinal)
        await self._wait_while_paused(ordinal)
        self._progress.running(ordinal, _doing(step))
        await self._progress.entered(step)
        duration_ms = await self._tried(ordinal, _doing(step), lambda: self._apply(ordinal, [step]))
        self._progress.done(ordinal, duration_ms)

    async def all_at_once(self, steps: Sequence[Step]) -> None:
        """The whole plan in one transaction: all of it, or nothing."""
        self._stop_if_asked(0)
        for ordinal, step in enumerate(steps):
            self._progress.running(ordinal, _doing(step))
        await self._progress.entered(*steps)
        try:
            duration_ms = await self._tried(
                0, f"applying {len(steps)} migrations at once", lambda: self._apply(0, steps)
            )
        except StepFailed as failed:
            for ordinal in range(failed.ordinal):
                self._progress.skipped(ordinal, "rolled back with the whole run")
            raise
        for ordinal in range(len(steps)):
            self._progress.done(ordinal, duration_ms)

    def failed(self, ordinal: int, failure: Failure, total: int) -> None:
        self._progress.failed(ordinal, failure)
        for later in range(ordinal + 1, total):
            self._progress.skipped(later, "not started: a step before it failed")

    async def cancelled(
        self, asked: Cancelled, job_id: UUID, steps: Sequence[Step], first: int = 0
    ) -> Cancelled | None:
        """Where the job stops, by the ledger; None when nothing of `steps`, from `first` on, was left to do.

        An earlier attempt, or a COMMIT without a reply, may have done what this attempt has not begun. Raises
        ConnectionLost, BackendUnavailable or Fenced.
        """
        pinned, history = await self._session.pin(_plan_again)
        at = max(asked.ordinal, first + done_so_far(steps[first:], history, job_id))
        if pinned.retrieved:
            at = len(steps)
        for ordinal in range(first, at):
            self._progress.done_before(ordinal)
        if at == len(steps):
            return None
        self._progress.cancelled(at)
        for later in range(at + 1, len(steps)):
            self._progress.skipped(later, "not started: the job was cancelled")
        return Cancelled(asked.by, at, asked.left)

    def way_back(self, first: int, undo: Sequence[Step]) -> None:
        self._progress.appended(first, undo)

    async def _apply(self, first: int, steps: Sequence[Step]) -> int:
        return await self._session.apply(first, steps, self._limits, self._watch)

    async def _tried(self, ordinal: int, doing: str, apply: Callable[[], Awaitable[int]]) -> int:
        tried, lost = 0, 0
        while True:
            if self._watch.lost:
                raise Fenced("the job was taken over by another attempt")
            self._stop_if_asked(ordinal)
            try:
                with self._watch.working(self._session, ordinal, doing):
                    return await apply()
            except StepFailed as failed:
                if failed.failure.sqlstate in INTERRUPTED:
                    self._stop_if_asked(ordinal, failed.failure.left_behind)
                    if self._watch.held_ms is not None:
                        raise StepFailed(_held_too_long(failed.failure, self._watch.held_ms), ordinal) from failed
                raise
            except LockNotAvailable as waited:
                tried += 1
                seen = self._watch.waits_for
                if tried >= self._locks.tries:
                    raise StepFailed(_gave_up(waited.failure, tried, seen), ordinal) from waited
                await self._pause_before(tried + 1, seen or waited.failure.message)
            except ConnectionLost:
                lost += 1
                if lost > RECONNECTS:
                    raise
                await self._clock.pause(RECONNECT_PAUSE_S)

    def _stop_if_asked(self, ordinal: int, left: str = "nothing") -> None:
        if self._watch.cancelled_by is not None:
            raise Cancelled(self._watch.cancelled_by, ordinal, left)

    async def _wait_while_paused(self, ordinal: int) -> None:
        said = False
        while self._watch.is_paused() and not self._watch.lost:
            self._stop_if_asked(ordinal)
            if not said:
                self._progress.say(f"paused by {self._watch.paused_by}; nothing is locked; POST /jobs/…/resume goes on")
                said = True
            await self._clock.pause(LOOK_AGAIN_S)

    async def _pause_before(self, number: int, waited: str) -> None:
        """Nobody waits behind us meanwhile. Ends early when the job is cancelled or taken over."""
        left_s = self._locks.pause_ms(number - 1, self._clock.random()) / 1000
        self._progress.say(f"gave way after {waited}; try {number} of {self._locks.tries} follows in {left_s:.1f} s")
        while left_s > 0 and not self._watch.lost and self._watch.cancelled_by is None:
            await self._clock.pause(min(left_s, LOOK_AGAIN_S))
            left_s -= LOOK_AGAIN_S


def _plan_again(_: TargetView) -> Never:
    raise AssertionError("the plan of a job that has come to its steps is pinned")


def _doing(step: Step) -> str:
    verb = "applying" if step.direction is Direction.UP else "rolling back"
    if step.deed is Deed.RETRIEVED:
        verb = "putting into a table what is kept of"
    elif step.deed is not Deed.EXECUTED:
        verb = "recording"
    return f"{verb} {step.name} ({step.version})"


def _gave_up(failure: Failure, tried: int, seen: str | None) -> Failure:
    return replace(
        failure,
        code=FailureCode.LOCK_TIMEOUT,
        message=f"{failure.message}; given up after {tried} tries",
        detail=failure.detail if seen is None else f"last seen {seen}",
        next_steps=(
            "look in pg_stat_activity for who holds the table, end or wait for that session",
            "POST /migrations/run",
        ),
    )


def _held_too_long(failure: Failure, held_ms: int) -> Failure:
    return replace(
        failure,
        message=f"it kept other sessions waiting for {held_ms} ms, longer than `maxHoldMs` of the environment allows",
        next_steps=(
            "make the step shorter: an index concurrently, a constraint NOT VALID first, a change of rows in ranges",
            *failure.next_steps,
        ),
    )
