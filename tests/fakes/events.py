"""EventLog and EventFeed in memory: what the triggers of the control database would tell of its jobs."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any
from uuid import UUID

from app.domain.events import STEP_SAID, Event, line, said_by
from app.domain.job import CONTROL, Job, StepRecord, StepState
from app.ports import Clock, EventsWanted, Hear, LogPart
from tests.fakes.jobs import JobStore


class MemoryEvents:
    """Implements ports.EventLog and ports.EventFeed over the jobs of one store."""

    def __init__(self, store: JobStore, clock: Clock) -> None:
        self._clock = clock
        self.rows: list[Event] = []
        self._followers: dict[Hear, frozenset[str]] = {}
        store.tell = self._tell_of_job
        store.hear = lambda job, step, line_: self.tell(job, STEP_SAID, said_by(step, line_), step=step)

    async def find(self, wanted: EventsWanted) -> tuple[Event, ...]:
        until = len(self.rows) if wanted.until is None else wanted.until
        found = [one for one in self.rows if wanted.after < one.id <= until]
        return tuple(one for one in found if wanted.job_id in (None, one.job_id))[: wanted.limit]

    async def newest(self) -> int:
        return len(self.rows)

    async def log_bytes(self, job_id: UUID) -> int:
        return max((one.log_end or 0 for one in self.rows if one.job_id == job_id), default=0)

    async def lines(self, part: LogPart, limit: int) -> tuple[Event, ...]:
        found = [one for one in self.rows if one.job_id == part.job_id and (one.log_end or 0) > part.first]
        return tuple(one for one in found if (one.log_end or 0) - len(line(one)) <= part.last)[:limit]

    async def last_lines(self, job_id: UUID, count: int) -> int:
        ends = [one.log_end or 0 for one in self.rows if one.job_id == job_id]
        return ends[-count - 1] if len(ends) > count else 0

    async def join(self, topics: Collection[str], hear: Hear) -> int:
        self._followers[hear] = frozenset(topics)
        return len(self.rows)

    async def leave(self, hear: Hear) -> None:
        self._followers.pop(hear, None)

    @property
    def followed(self) -> int:
        return len(self._followers)

    def tell(self, job: Job, type_: str, said: str, **facts: Any) -> None:
        environment = None if job.request.environment == CONTROL else job.request.environment
        event = Event(len(self.rows) + 1, self._clock.now(), type_, said, job.id, environment, **facts)
        ends = max((one.log_end or 0 for one in self.rows if one.job_id == job.id), default=0)
        event = replace(event, log_end=ends + len(line(event)))
        self.rows.append(event)
        for hear, topics in list(self._followers.items()):
            if topics & set(event.topics):
                hear(event)

    def _tell_of_job(self, before: Job | None, now: Job) -> None:
        facts = _facts(now)
        if before is None:
            self._tell_of_new(now)
            return
        self._tell_of_steps(before, now)
        if before.cancel_requested_at is None and now.cancel_requested_at is not None:
            self.tell(now, "job.cancel_asked", "by somebody", **facts)
        if before.paused_by != now.paused_by and not now.state.final:
            said = "it may go on" if now.paused_by is None else f"by {now.paused_by}"
            self.tell(now, "job.resumed" if now.paused_by is None else "job.paused", said, **facts, by=now.paused_by)
        said = f"{now.state} ({now.reason}): {now.message}"
        if now.state.final:
            for notice in now.notices:
                self.tell(now, "job.notice", notice, **(facts | {"message": notice}))
            self.tell(now, "job.ended", said, **facts, error=now.error)
        elif (before.state, before.attempt) != (now.state, now.attempt) or (
            before.reason != now.reason and now.reason != "lock"
        ):
            self.tell(now, "job.changed", said, **facts)
        elif before.message != now.message and now.reason != "lock":
            self.tell(now, "job.progress", now.message, **facts)

    def _tell_of_new(self, job: Job) -> None:
        who, facts = job.origin.principal.label, _facts(job)
        place = "" if job.request.environment == CONTROL else f" of {job.request.environment}"
        said = f"{job.request.kind}{place}, asked for by {who}: {job.message}"
        self.tell(job, "job.accepted", said, **facts, by=who)
        if job.state.final:
            self.tell(job, "job.ended", f"{job.state} ({job.reason}): {job.message}", **facts)

    def _tell_of_steps(self, before: Job, now: Job) -> None:
        known = {step.ordinal: step for step in before.steps}
        for step in now.steps:
            was = known.get(step.ordinal)
            if step.state is not StepState.PENDING and (was is None or was.state is not step.state):
                what = "started" if step.state is StepState.RUNNING else step.state.value
                self.tell(now, f"step.{what}", _said(step), step=step)


def _has_moved(before: Job, now: Job) -> bool:
    if (before.state, before.attempt) != (now.state, now.attempt):
        return True
    return before.reason != now.reason and now.reason != "lock"


def _said(step: StepRecord) -> str:
    words = f"{step.name} ({step.version}) {step.direction}"
    if step.state in (StepState.SKIPPED, StepState.CANCELLED):
        return words if step.notice is None else f"{words}: {step.notice}"
    if step.state is StepState.FAILED:
        return words if step.error is None else f"{words}: {step.error.message}"
    return words if step.duration_ms is None else f"{words} in {step.duration_ms} ms"


def _facts(job: Job) -> dict[str, Any]:
    return {
        "kind": job.request.kind.value,
        "state": job.state.value,
        "reason": job.reason,
        "message": job.message,
        "attempt": job.attempt,
    }
