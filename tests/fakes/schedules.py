"""Schedules in memory, beside the jobs that they start."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from app.domain.errors import BackendUnavailable
from app.domain.job import Job, JobId, JobKind, JobRequest, JobState, Origin
from app.domain.principal import Principal
from app.domain.schedule import Schedule, Wanted, due_after
from tests.fakes.jobs import FIRST_RING_GRACE, JobStore, Row


class MemorySchedules:
    """Implements ports.Schedules; `audit` is the trail of who paused what."""

    def __init__(self, store: JobStore) -> None:
        now = store.clock.now()
        self._store = store
        self.audit: list[tuple[str, str, str]] = []
        self.unavailable: BackendUnavailable | None = None
        self._known = {
            name: Schedule(name, kind, every, now + every)
            for name, kind, every in (
                ("compare", JobKind.COMPARE, timedelta(hours=1)),
                ("drift", JobKind.SCAN, timedelta(hours=1)),
                ("purge", JobKind.PURGE, timedelta(minutes=10)),
                ("reconcile", JobKind.RECONCILE, timedelta(minutes=15)),
                ("rescue", JobKind.RESCUE, timedelta(minutes=5)),
            )
        }

    async def all(self) -> tuple[Schedule, ...]:
        return tuple(self._known[name] for name in sorted(self._known))

    async def keep(self, kind: JobKind, wanted: Sequence[Wanted], left_alone: Sequence[str] = ()) -> None:
        names = {*(one.name for one in wanted), *left_alone}
        self._known = {name: one for name, one in self._known.items() if one.kind is not kind or name in names}
        for one in wanted:
            known = self._known.get(one.name)
            if known is None or (known.every, known.environment) != (one.every, one.environment):
                fresh = known or Schedule(one.name, one.kind, one.every, self._store.clock.now())
                due = self._store.clock.now() + one.every
                self._known[one.name] = replace(fresh, every=one.every, next_due=due, environment=one.environment)

    async def tick(self) -> tuple[JobId, ...]:
        if self.unavailable is not None:
            raise self.unavailable
        now = self._store.clock.now()
        due = [one for one in await self.all() if not one.paused and not now < one.next_due <= now + one.every]
        started = [self._start(one) for one in due]
        return tuple(job_id for job_id in started if job_id is not None)

    async def pause(self, name: str, origin: Origin) -> Schedule | None:
        return self._set_paused(name, origin, paused=True)

    async def resume(self, name: str, origin: Origin) -> Schedule | None:
        return self._set_paused(name, origin, paused=False)

    async def ran(self, name: str, job_id: JobId) -> None:
        if name in self._known:
            self._change(name, last_job=job_id)

    def _set_paused(self, name: str, origin: Origin, *, paused: bool) -> Schedule | None:
        if name not in self._known:
            return None
        self.audit.append((name, "pause" if paused else "resume", origin.principal.id))
        return self._change(name, paused=paused)

    def _change(self, name: str, **values: object) -> Schedule:
        self._known[name] = replace(self._known[name], **values)  # type: ignore[arg-type]
        self._store.newest = {one.last_job for one in self._known.values() if one.last_job is not None}
        return self._known[name]

    def _start(self, schedule: Schedule) -> JobId | None:
        now = self._store.clock.now()
        request = JobRequest(schedule.kind, schedule.environment, schedule=schedule.name)
        following = due_after(schedule.next_due, schedule.every, now)
        if self._store.open_on(request.queue):
            self._change(schedule.name, next_due=following)
            return None
        job = Job(
            id=JobId(self._store.clock.new_id()),
            request=request,
            state=JobState.QUEUED,
            reason="for_worker",
            message=f"the schedule {schedule.name} is waiting for a worker",
            created_at=now,
            updated_at=now,
            seq=self._store.place_of(request),
            origin=Origin(Principal("scheduler", "service")),
        )
        self._store.rows[job.id] = Row(job, due=now + FIRST_RING_GRACE, dispatches=1, due_at=schedule.next_due)
        self._change(schedule.name, next_due=following, last_job=job.id)
        return job.id
