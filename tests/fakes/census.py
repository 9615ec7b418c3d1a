"""What is counted of the stores in memory, and who has said to be at work."""

from collections import Counter
from datetime import datetime

from app.domain.census import ALIVE_FOR, Census, Process
from app.domain.conflict import ConflictState
from app.domain.drift import DriftState
from app.domain.errors import BackendUnavailable
from app.domain.job import Job, JobState
from app.ports import ConflictQuery
from tests.fakes.conflicts import MemoryConflicts
from tests.fakes.drift import MemoryDrift
from tests.fakes.jobs import JobStore
from tests.fakes.locks import MemoryLocks
from tests.fakes.schedules import MemorySchedules


class MemoryMuster:
    """Implements ports.Muster."""

    def __init__(
        self,
        store: JobStore,
        conflicts: MemoryConflicts,
        checks: MemoryDrift,
        locks: MemoryLocks,
        schedules: MemorySchedules,
    ) -> None:
        self._store, self._conflicts, self._checks, self._locks = store, conflicts, checks, locks
        self._schedules, self._clock = schedules, store.clock
        self._processes: dict[str, tuple[Process, datetime]] = {}
        self.unavailable: BackendUnavailable | None = None

    async def count(self) -> Census:
        if self.unavailable is not None:
            raise self.unavailable
        now = self._clock.now()
        jobs = [row.job for row in self._store.rows.values() if not row.job.state.final]
        queued = [(now - job.created_at).total_seconds() for job in jobs if job.state is JobState.QUEUED]
        open_ones = await self._conflicts.find(ConflictQuery(state=ConflictState.OPEN))
        checks = [one for one in self._checks.checks.values() if one.state is not DriftState.NOT_CHECKED]
        return Census(
            jobs=Counter((job.request.environment, job.state.value) for job in jobs),
            conflicts=Counter((one.collision.environment or "", one.collision.kind.value) for one in open_ones),
            drifted={one.environment: one.total if one.state is DriftState.DRIFTED else 0 for one in checks},
            sessions_waiting=await self._waiting(jobs),
            rollout_targets=Counter(
                self._store.rows[child].job.state.value
                for (parent, _), child in self._store.places.items()
                if not self._store.rows[parent].job.state.final
            ),
            processes=Counter(process.kind.value for process, at in self._processes.values() if at > now - ALIVE_FOR),
            oldest_queued_s=max(queued, default=0.0),
            overdue_s=max(
                [(now - one.next_due).total_seconds() for one in await self._schedules.all() if not one.paused] + [0.0]
            ),
        )

    async def _waiting(self, jobs: list[Job]) -> dict[str, int]:
        found: dict[str, int] = {}
        for job in jobs:
            samples = await self._locks.of(job.id)
            if job.state is JobState.RUNNING and samples:
                name = job.request.environment
                found[name] = found.get(name, 0) + len(samples[-1].blocked)
        return found

    async def seen(self, process: Process) -> None:
        self._processes[process.name] = process, self._clock.now()

    async def gone(self, name: str) -> None:
        self._processes.pop(name, None)
