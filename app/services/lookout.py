"""The lookout: while a script runs, looks whether somebody wants it stopped, and whom it waits for at a lock.

It works beside the watchdog, on a connection of its own, and only for steps that last longer than one look.
What it finds is for people; what it does, cancelling a statement, is safe at any moment.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app import measures
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.job import Attempt
from app.domain.locks import LockSample
from app.ports import JobClaims, LockLog, Observer, Observers, TargetSession

TELL_AGAIN = timedelta(seconds=1)

log = structlog.get_logger()


@dataclass(slots=True)
class Watch:
    """What the threads beside the work know of it, and it of them.

    `lost`: the attempt is over, whatever this process believes. `cancelled_by`: who wants it stopped.
    `paused_by`: who wants it to go no further for now. `tell` takes what a step says of its progress,
    `tell_of` what has become of one, `tell_heard` a line that it has said.
    `waits_since`: from when on, by its looks, the step waits for a lock.
    `held_since`: from when on others wait for the step without a break; `held_ms`: for too long, and it is ended.
    `session`, `step` and `doing` are set while a script runs and may be cancelled. `sample` is the last look,
    `waiting` the last one that saw the step wait: a look between two tries sees it wait for nobody.
    """

    lost: bool = False
    cancelled_by: str | None = None
    paused_by: str | None = None
    session: TargetSession | None = None
    step: int | None = None
    doing: str = ""
    tell: Callable[[str], None] | None = None
    tell_of: Callable[[int, str], None] | None = None
    tell_heard: Callable[[int, str], None] | None = None
    sample: LockSample | None = None
    waiting: LockSample | None = None
    told_at: datetime | None = None
    held_since: datetime | None = None
    waits_since: datetime | None = None
    held_ms: int | None = None
    server_said: str = ""

    @contextmanager
    def working(self, session: TargetSession, step: int, doing: str) -> Iterator[None]:
        self.session, self.step, self.doing = session, step, doing
        self.held_since = self.held_ms = None
        self.server_said = ""
        try:
            yield
        finally:
            self.session = None

    @property
    def pid(self) -> int | None:
        session = self.session
        return None if session is None else session.backend_pid

    def server_says(self, said: str) -> None:
        """How far the server is with the statement that is carried out; '' when it says nothing."""
        if said != self.server_said and self.session is not None and self.tell is not None:
            self.server_said = said
            self.tell(f"{self.doing}; {said}" if said else self.doing)

    def is_halted(self) -> bool:
        return self.cancelled_by is not None

    def is_paused(self) -> bool:
        return self.paused_by is not None

    def keeps_others_waiting(self) -> bool:
        return self.sample is not None and bool(self.sample.blocked)

    def say(self, message: str) -> None:
        self.doing = message
        if self.tell is not None:
            self.tell(message)

    def note(self, ordinal: int, text: str) -> None:
        if self.tell_of is not None:
            self.tell_of(ordinal, text)

    def heard(self, ordinal: int, line: str) -> None:
        if self.tell_heard is not None:
            self.tell_heard(ordinal, line)

    async def before_commit(self) -> None:
        pass

    @property
    def waits_for(self) -> str | None:
        seen = self.waiting
        return seen.said() if seen is not None and seen.step == self.step else None


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
            wishes = await self._claims.wishes(attempt)
            watch.cancelled_by = watch.cancelled_by or wishes.cancelled_by
            watch.paused_by = wishes.paused_by
            if watch.pid is None:
                continue
            if observer is None:
                observer = await stack.enter_async_context(self._observers.open(environment, attempt))
            await self._see(observer, environment, attempt, watch)

    async def _see(self, observer: Observer, environment: Environment, attempt: Attempt, watch: Watch) -> None:
        pid = watch.pid
        if pid is None:
            return
        if watch.cancelled_by is not None:
            # again at each look: a script may catch it, or have been between two statements
            await observer.cancel(pid)
            return
        sample = await observer.sample(pid, watch.step)
        watch.waiting = sample if sample.waiting else watch.waiting
        _measure_wait(environment, sample, watch)
        if sample.differs_from(watch.sample):
            watch.sample, watch.told_at = sample, sample.at
            await self._tell(attempt, sample, watch)
        elif sample.waiting and watch.told_at is not None and sample.at - watch.told_at >= TELL_AGAIN:
            watch.told_at = sample.at
            await self._locks.say(attempt, sample.said())
        if not sample.waiting:
            progress = await observer.progress(pid)
            watch.server_says("" if progress is None else progress.said())
        if _holds_too_long(sample, watch, environment.max_hold_ms):
            await observer.cancel(pid)

    async def _tell(self, attempt: Attempt, sample: LockSample, watch: Watch) -> None:
        try:
            await self._locks.record(attempt, sample, sample.said() if sample.waiting else watch.doing)
        except BackendUnavailable as error:
            log.warning("lookout.not_recorded", job=str(attempt.job_id), error=error.detail)


def _measure_wait(environment: Environment, sample: LockSample, watch: Watch) -> None:
    """As exact as the looks are close; what is over before the second one is not worth knowing."""
    if sample.waiting:
        watch.waits_since = watch.waits_since or sample.at
    elif watch.waits_since is not None:
        measures.lock_waited(environment.name, (sample.at - watch.waits_since).total_seconds())
        watch.waits_since = None


def _holds_too_long(sample: LockSample, watch: Watch, most_ms: int | None) -> bool:
    """By the target's clock, from the first look at which somebody waited for the step."""
    watch.held_since = (watch.held_since or sample.at) if sample.blocked else None
    if most_ms is None or watch.held_since is None:
        return False
    held_ms = round((sample.at - watch.held_since).total_seconds() * 1000)
    watch.held_ms = held_ms if held_ms > most_ms else watch.held_ms
    return held_ms > most_ms
