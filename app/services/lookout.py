"""The lookout: while a script runs, looks whether somebody wants it stopped, and whom it waits for at a lock.

It works beside the watchdog, on a connection of its own, and only for steps that last longer than one look.
What it finds is for people; what it does, cancelling a statement, is safe at any moment.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

import structlog

from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.job import Attempt
from app.domain.locks import LockSample
from app.ports import JobClaims, LockLog, Observer, Observers, TargetSession

log = structlog.get_logger()


@dataclass(slots=True)
class Watch:
    """What the threads beside the work know of it, and it of them.

    `lost`: the attempt is over, whatever this process believes. `cancelled_by`: who wants it stopped.
    `session`, `step` and `doing` are set while a script runs and may be cancelled.
    """

    lost: bool = False
    cancelled_by: str | None = None
    session: TargetSession | None = None
    step: int | None = None
    doing: str = ""
    sample: LockSample | None = None

    @contextmanager
    def working(self, session: TargetSession, step: int, doing: str) -> Iterator[None]:
        self.session, self.step, self.doing = session, step, doing
        try:
            yield
        finally:
            self.session = None

    @property
    def pid(self) -> int | None:
        session = self.session
        return None if session is None else session.backend_pid

    def is_halted(self) -> bool:
        return self.cancelled_by is not None

    @property
    def waits_for(self) -> str | None:
        return self.sample.said() if self.sample is not None and self.sample.waiting else None


class Lookout:
    def __init__(self, claims: JobClaims, locks: LockLog, observers: Observers, *, every_ms: int) -> None:
        self._claims = claims
        self._locks = locks
        self._observers = observers
        self._every_s = every_ms / 1000

    async def look(self, environment: Environment, attempt: Attempt, watch: Watch) -> None:
        """Until it is cancelled. Servers that do not answer are asked again at the next look."""
        while True:
            try:
                async with AsyncExitStack() as stack:
                    await self._look_on(stack, environment, attempt, watch)
            except Exception as error:
                log.warning("lookout.blind", job=str(attempt.job_id), error=str(error))
                await asyncio.sleep(self._every_s)

    async def _look_on(self, stack: AsyncExitStack, environment: Environment, attempt: Attempt, watch: Watch) -> None:
        observer: Observer | None = None
        while True:
            await asyncio.sleep(self._every_s)
            watch.cancelled_by = watch.cancelled_by or await self._claims.cancelled_by(attempt)
            if watch.pid is None:
                continue
            if observer is None:
                observer = await stack.enter_async_context(self._observers.open(environment, attempt))
            await self._see(observer, attempt, watch)

    async def _see(self, observer: Observer, attempt: Attempt, watch: Watch) -> None:
        pid = watch.pid
        if pid is None:
            return
        if watch.cancelled_by is not None:
            # again at each look: a script may catch it, or have been between two statements
            await observer.cancel(pid)
            return
        sample = await observer.sample(pid, watch.step)
        if sample.differs_from(watch.sample):
            watch.sample = sample
            await self._tell(attempt, sample, watch)

    async def _tell(self, attempt: Attempt, sample: LockSample, watch: Watch) -> None:
        try:
            await self._locks.record(attempt, sample, sample.said() if sample.waiting else watch.doing)
        except BackendUnavailable as error:
            log.warning("lookout.not_recorded", job=str(attempt.job_id), error=error.detail)
