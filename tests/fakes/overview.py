"""What is known of many environments at once, from the stores in memory."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from app.domain.axes import NO_JOBS, JobsSeen
from app.domain.drift import DriftCheck
from app.domain.errors import BackendUnavailable
from app.domain.job import Job, JobState, StepState
from tests.fakes.drift import MemoryDrift
from tests.fakes.jobs import JobStore


class MemoryEnvironmentLog:
    """Implements ports.EnvironmentLog."""

    def __init__(self, store: JobStore, checks: MemoryDrift) -> None:
        self._store = store
        self._checks = checks
        self.unavailable: BackendUnavailable | None = None

    async def jobs(self, environments: Collection[str]) -> Mapping[str, JobsSeen]:
        if self.unavailable is not None:
            raise self.unavailable
        found = {name: self._seen(name) for name in environments}
        return {name: seen for name, seen in found.items() if seen != NO_JOBS}

    async def drift(self, environments: Collection[str]) -> Mapping[str, DriftCheck]:
        checks = {name: await self._checks.of(name) for name in environments}
        return {name: replace(check, differences=()) for name, check in checks.items() if check is not None}

    def _seen(self, environment: str) -> JobsSeen:
        jobs = [row.job for row in self._store.rows.values() if row.job.request.queue == environment]
        ended = sorted((_bare(job) for job in jobs if job.state.final), key=lambda job: job.id)
        running = next((job for job in jobs if job.state is JobState.RUNNING), None)
        return JobsSeen(
            last=ended[-1] if ended else None,
            running=None if running is None else _bare(running),
            open=len([job for job in jobs if not job.state.final]),
            under_way=tuple(
                step.name for step in (running.steps if running else ()) if step.state is StepState.RUNNING
            ),
        )


def _bare(job: Job) -> Job:
    return replace(job, steps=())
