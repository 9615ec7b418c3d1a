"""One step, tried until it is done: a lock that was not free and a connection that was lost are no failures."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from app.domain.errors import ConnectionLost, Fenced, LockNotAvailable, StepFailed
from app.domain.failure import Failure, FailureCode
from app.domain.migration import Direction
from app.domain.step import Deed, Step
from app.ports import Clock, Limits, TargetSession
from app.services.progress import Progress
from app.services.watchdog import Watch

RECONNECTS = 5
RECONNECT_PAUSE_S = 0.2


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
        """Raises StepFailed, TransactionEnded, Fenced or ConnectionLost."""
        self._progress.running(ordinal, _doing(step))
        duration_ms = await self._tried(ordinal, lambda: self._session.apply(ordinal, [step], self._limits))
        self._progress.done(ordinal, duration_ms)

    async def all_at_once(self, steps: Sequence[Step]) -> None:
        """The whole plan in one transaction: all of it, or nothing."""
        for ordinal, step in enumerate(steps):
            self._progress.running(ordinal, _doing(step))
        try:
            duration_ms = await self._tried(0, lambda: self._session.apply(0, steps, self._limits))
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

    def way_back(self, first: int, undo: Sequence[Step]) -> None:
        self._progress.appended(first, undo)

    async def _tried(self, ordinal: int, apply: Callable[[], Awaitable[int]]) -> int:
        tried, lost = 0, 0
        while True:
            if self._watch.lost:
                raise Fenced("the job was taken over by another attempt")
            try:
                return await apply()
            except LockNotAvailable as waited:
                tried += 1
                if tried >= self._locks.tries:
                    raise StepFailed(_gave_up(waited.failure, tried), ordinal) from waited
                pause_ms = self._locks.pause_ms(tried, self._clock.random())
                self._progress.say(f"{waited.failure.message}; try {tried + 1} of {self._locks.tries} follows")
                await self._clock.pause(pause_ms / 1000)
            except ConnectionLost:
                lost += 1
                if lost > RECONNECTS:
                    raise
                await self._clock.pause(RECONNECT_PAUSE_S)


def _doing(step: Step) -> str:
    verb = "applying" if step.direction is Direction.UP else "rolling back"
    if step.deed is not Deed.EXECUTED:
        verb = "recording"
    return f"{verb} {step.name} ({step.version})"


def _gave_up(failure: Failure, tried: int) -> Failure:
    return replace(
        failure,
        code=FailureCode.LOCK_TIMEOUT,
        message=f"{failure.message}; given up after {tried} tries",
        next_steps=(
            "look in pg_stat_activity for who holds the table, end or wait for that session",
            "POST /migrations/run",
        ),
    )
