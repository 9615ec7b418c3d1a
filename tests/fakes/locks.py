"""LockLog in memory, and an observer that sees what it is told to see."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from app.domain.environment import Environment
from app.domain.job import Attempt, JobId
from app.domain.locks import LockSample
from app.domain.server_progress import ServerProgress
from app.ports import Clock
from tests.fakes.jobs import JobStore


class MemoryLocks:
    """Implements ports.LockLog."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._samples: dict[JobId, list[LockSample]] = {}

    async def record(self, attempt: Attempt, sample: LockSample, message: str) -> None:
        row = self._store.running(attempt)
        if row is None:
            return
        self._samples.setdefault(attempt.job_id, []).append(sample)
        self._store.change(row, reason="lock" if sample.waiting else "applying", message=message)

    async def say(self, attempt: Attempt, message: str) -> None:
        row = self._store.running(attempt)
        if row is not None and row.job.reason == "lock":
            self._store.change(row, message=message)

    async def of(self, job_id: JobId) -> tuple[LockSample, ...]:
        return tuple(self._samples.get(job_id, ()))


class StaringObserver:
    """Implements ports.Observer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seen = LockSample(clock.now(), 0)
        self.at: ServerProgress | None = None
        self.cancelled: list[int] = []

    async def sample(self, pid: int, step: int | None) -> LockSample:
        return replace(self.seen, at=self._clock.now(), pid=pid, step=step)

    async def progress(self, _pid: int) -> ServerProgress | None:
        return self.at

    async def cancel(self, pid: int) -> None:
        self.cancelled.append(pid)


class MemoryObservers:
    """Implements ports.Observers."""

    def __init__(self, clock: Clock) -> None:
        self.observer = StaringObserver(clock)

    @asynccontextmanager
    async def open(self, environment: Environment, attempt: Attempt) -> AsyncIterator[StaringObserver]:
        yield self.observer
