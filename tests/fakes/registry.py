"""Registered environments in memory."""

from collections.abc import Mapping, Sequence

from app.domain.job import Job, JobState, Origin
from app.domain.registered import Registered
from app.ports import Clock
from tests.fakes.jobs import JobStore
from tests.fakes.removed import MemoryFileRecord


class MemoryRegistry:
    """Implements ports.Registry; `audit` is the trail."""

    def __init__(self, clock: Clock, record: MemoryFileRecord, jobs: JobStore) -> None:
        self._clock = clock
        self._record = record
        self._jobs = jobs
        self._known: dict[str, Registered] = {}
        self.audit: list[tuple[str, str, str]] = []

    async def all(self) -> tuple[Registered, ...]:
        return tuple(self._known[name] for name in sorted(self._known))

    async def put(
        self,
        name: str,
        document: Mapping[str, object],
        version: int | None,
        origin: Origin,
        unless_at_work: Sequence[str] = (),
    ) -> Registered | None:
        known = self._known.get(name)
        if any(_has_begun(row.job) for one in unless_at_work for row in self._jobs.open_on(one)):
            return None
        if version is not None and version != (0 if known is None else known.version):
            return None
        number = 1 if known is None else known.version + 1
        self._known[name] = Registered(name, dict(document), number, self._clock.now(), origin.principal.label)
        self.audit.append((origin.principal.id, "environments.put", name))
        return self._known[name]

    async def delete(self, name: str, version: int | None, origin: Origin) -> bool:
        known = self._known.get(name)
        if known is None or version not in (None, known.version):
            return False
        del self._known[name]
        self._record.forget(name)
        self.audit.append((origin.principal.id, "environments.delete", name))
        return True


def _has_begun(job: Job) -> bool:
    leads = job.request.convoy is not None and job.attempt > 0
    return job.state is JobState.RUNNING or job.starts > 0 or leads
