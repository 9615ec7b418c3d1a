"""JobBoard, JobClaims and JobSweep over one store in memory."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.domain.announced import NothingDone
from app.domain.busy import in_the_way
from app.domain.claim import ClaimRefusal, ClaimRefused
from app.domain.convoying import UNDER_WAY
from app.domain.environment import PART
from app.domain.job import (
    AWAY,
    HELD_NOTHING,
    LEFT_OPEN,
    Attempt,
    Ended,
    GivenBack,
    Job,
    JobId,
    JobRequest,
    JobState,
    StepRecord,
    StepState,
    Wishes,
)
from app.ports import Clock, JobQuery, NewJob, first_state
from tests.fakes.idempotency import MemoryIdempotencyKeys

FIRST_RING_GRACE = timedelta(seconds=5)
OPEN = frozenset({JobState.QUEUED, JobState.RUNNING})


@dataclass(slots=True)
class Row:
    """A job, and what of its row no `Job` shows."""

    job: Job
    due: datetime
    dedupe_key: str | None = None
    owner: str | None = None
    parked: bool = False
    held_nothing: int = 0
    away_since: datetime | None = None
    dispatches: int = 0
    wishes: Wishes = field(default_factory=Wishes)
    due_at: datetime | None = None

    @property
    def idle(self) -> bool:
        """What a schedule started, before it has come to something."""
        return self.due_at is not None and (not self.job.state.final or self.job.reason == "nothing_to_do")


@dataclass(slots=True)
class JobStore:
    clock: Clock
    keys: MemoryIdempotencyKeys
    rows: dict[JobId, Row] = field(default_factory=dict)
    places: dict[tuple[JobId, int], JobId] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    watchers: dict[JobId, set[asyncio.Event]] = field(default_factory=lambda: defaultdict(set))
    newest: set[JobId] = field(default_factory=set)
    tell: Callable[[Job | None, Job], None] = lambda _before, _now: None
    hear: Callable[[Job, StepRecord, str], None] = lambda _job, _step, _line: None

    def change(self, row: Row, **values: Any) -> None:
        """An update that watchers see."""
        before = row.job
        self.touch(row, **values)
        self.tell(before, row.job)
        for event in self.watchers[row.job.id]:
            event.set()

    def touch(self, row: Row, **values: Any) -> None:
        row.job = replace(row.job, updated_at=self.clock.now(), **values)

    def open_on(self, queue: str) -> list[Row]:
        return sorted(
            (row for row in self.rows.values() if row.job.state in OPEN and row.job.request.queue == queue),
            key=lambda row: row.job.seq or 0,
        )

    def is_head(self, row: Row) -> bool:
        return self.open_on(row.job.request.queue)[0] is row

    def holder(self, row: Row) -> Row:
        """Whoever runs, though a release may stand before it; else the head of the queue."""
        waiting = self.open_on(row.job.request.queue)
        return next((one for one in waiting if one.job.state is JobState.RUNNING), waiting[0])

    def place_of(self, request: JobRequest) -> int:
        """The last of its queue; but the release of a stranded target goes before all that wait for it."""
        waiting = self.open_on(request.queue)
        if request.stranded is not None and waiting:
            return (waiting[0].job.seq or 0) - 1
        return self.next_place()

    def next_place(self) -> int:
        return max((row.job.seq or 0 for row in self.rows.values()), default=0) + 1

    def running(self, attempt: Attempt) -> Row | None:
        row = self.rows.get(attempt.job_id)
        ours = row is not None and row.job.attempt == attempt.number and row.job.state is JobState.RUNNING
        return row if ours else None


class MemoryWatcher:
    def __init__(self, store: JobStore, job_id: JobId, event: asyncio.Event) -> None:
        self._store = store
        self._job_id = job_id
        self._event = event

    @property
    def ended(self) -> bool:
        return self._store.rows[self._job_id].job.state.final

    @property
    def end(self) -> NothingDone | None:
        row = self._store.rows[self._job_id]
        job, wishes = row.job, row.wishes
        plain = (job.attempt, job.starts, job.error, job.notices, job.cancel_requested_at, wishes.paused_by)
        if job.reason != "nothing_to_do" or plain != (1, 0, None, (), None, None) or job.request.convoy is not None:
            return None
        assert job.started_at is not None and job.finished_at is not None
        return NothingDone(job.message, job.started_at, job.finished_at, job.updated_at)

    async def wait(self, timeout_s: float) -> bool:
        try:
            await asyncio.wait_for(self._event.wait(), timeout_s)
        except TimeoutError:
            return False
        self._event.clear()
        return True


class MemoryJobs:
    """Implements ports.JobBoard."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    async def add(self, job: NewJob) -> Job:
        twin = self._twin(job)
        if twin is not None:
            return twin
        other = in_the_way(job.request, await self.open_on(job.request.queue))
        if other is not None:
            return other
        if job.idempotency is not None:
            self._store.keys.use(job.idempotency, job.id)
        now = self._store.clock.now()
        state, reason = first_state(job)
        made = Job(
            id=job.id,
            request=job.request,
            state=state,
            reason=reason,
            message=job.message,
            created_at=now,
            updated_at=now,
            seq=None if state is JobState.WAITING else self._store.place_of(job.request),
            origin=job.origin,
            not_before=job.not_before,
            approvals_needed=job.approvals_needed,
        )
        if job.finished is not None:
            made = replace(made, seq=None, not_before=None, approvals_needed=0, finished_at=now, **_ended(job.finished))
        self._store.rows[job.id] = Row(made, due=now + FIRST_RING_GRACE, dedupe_key=job.dedupe_key, dispatches=1)
        self._store.tell(None, made)
        return made

    async def get(self, job_id: JobId) -> Job | None:
        row = self._store.rows.get(job_id)
        return None if row is None else row.job

    async def find(self, query: JobQuery) -> tuple[Job, ...]:
        found = [
            replace(row.job, steps=())
            for row in self._store.rows.values()
            if (query.before is None or row.job.id < query.before)
            and query.state in (None, _shown(row.job))
            and query.kind in (None, row.job.request.kind)
            and concerns(query.environment, row.job.request.environment, with_targets=query.with_targets)
            and (query.environment is None or query.chores or row.job.request.kind.writes_target)
            and (query.idle or not row.idle)
        ]
        return tuple(sorted(found, key=lambda job: job.id, reverse=True)[: query.limit])

    async def open_on(self, queue: str) -> tuple[Job, ...]:
        return tuple(replace(row.job, steps=()) for row in self._store.open_on(queue))

    def watch(self, job_id: JobId) -> AbstractAsyncContextManager[MemoryWatcher]:
        return self._watch(job_id)

    @asynccontextmanager
    async def _watch(self, job_id: JobId) -> AsyncIterator[MemoryWatcher]:
        event = asyncio.Event()
        self._store.watchers[job_id].add(event)
        try:
            yield MemoryWatcher(self._store, job_id, event)
        finally:
            self._store.watchers[job_id].discard(event)

    def _twin(self, job: NewJob) -> Job | None:
        if job.dedupe_key is None:
            return None
        since = self._store.clock.now() - timedelta(seconds=job.dedupe_within_s)
        twins = [
            row.job
            for row in self._store.rows.values()
            if row.dedupe_key == job.dedupe_key and (row.job.created_at > since or row.job.state is JobState.WAITING)
        ]
        return replace(twins[-1], steps=()) if twins else None


class MemoryClaims:
    """Implements ports.JobClaims."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    async def claim(self, job_id: JobId, owner: str, ttl_ms: int) -> Attempt | ClaimRefused:
        row = self._store.rows.get(job_id)
        if row is None:
            return ClaimRefused(job_id, ClaimRefusal.UNKNOWN)
        if row.job.state is not JobState.QUEUED or self._store.holder(row) is not row:
            return self._refusal(row)
        row.owner, row.parked = owner, False
        self._store.change(
            row,
            state=JobState.RUNNING,
            reason="starting",
            message="taking the target",
            attempt=row.job.attempt + 1,
            lease_until=self._until(ttl_ms),
            started_at=row.job.started_at or self._store.clock.now(),
        )
        return self._attempt(row.job, owner)

    async def started(self, attempt: Attempt, epoch: int) -> int | None:
        row = self._store.running(attempt)
        if row is None:
            return None
        environment = row.job.request.environment
        self._store.epochs[environment] = max(self._store.epochs[environment], epoch)
        self._store.change(row, starts=row.job.starts + 1, reason="applying")
        return row.job.starts

    async def beat(self, attempt: Attempt, ttl_ms: int) -> bool:
        row = self._store.running(attempt)
        if row is not None:
            self._store.touch(row, lease_until=self._until(ttl_ms))
        return row is not None

    async def end(self, attempt: Attempt, outcome: Ended | GivenBack) -> bool:
        row = self._store.running(attempt)
        if row is None:
            return False
        row.owner = None
        match outcome:
            case Ended():
                steps = tuple(_closed(step) for step in row.job.steps)
                now = self._store.clock.now()
                self._store.change(row, lease_until=None, finished_at=now, steps=steps, **_ended(outcome))
            case GivenBack():
                row.held_nothing += outcome.reason in HELD_NOTHING
                row.away_since = (row.away_since or self._store.clock.now()) if outcome.reason == AWAY else None
                row.parked, row.due = True, self._until(outcome.after_ms)
                self._store.change(
                    row, state=JobState.QUEUED, lease_until=None, reason=outcome.reason, message=outcome.message
                )
        return True

    async def wishes(self, attempt: Attempt) -> Wishes:
        return self._store.rows[attempt.job_id].wishes

    async def record_steps(self, attempt: Attempt, steps: Sequence[StepRecord], message: str) -> None:
        row = self._store.running(attempt)
        if row is not None:
            known = {step.ordinal: step for step in (*row.job.steps, *steps)}
            self._store.change(row, message=message, steps=tuple(known[ordinal] for ordinal in sorted(known)))

    async def record_heard(self, attempt: Attempt, lines: Sequence[tuple[StepRecord, str]]) -> None:
        row = self._store.running(attempt)
        if row is not None:
            for step, line in lines:
                self._store.hear(row.job, step, line)

    def _until(self, ms: int) -> datetime:
        return self._store.clock.now() + timedelta(milliseconds=ms)

    def _attempt(self, job: Job, owner: str) -> Attempt:
        return Attempt(
            job_id=job.id,
            number=job.attempt,
            request=job.request,
            floor_epoch=self._store.epochs[job.request.environment],
            starts=max(job.starts, int(job.attempt - 1 > self._store.rows[job.id].held_nothing)),
            max_starts=10,
            queued_since=job.created_at,
            owner=owner,
            actor=job.origin.principal.label,
            wishes=self._store.rows[job.id].wishes,
            request_id=job.origin.request_id,
            traceparent=job.origin.traceparent,
            away_ms=self._away_ms(self._store.rows[job.id].away_since),
            not_before=job.not_before or self._not_before(job.request.parent),
        )

    def _not_before(self, parent: UUID | None) -> datetime | None:
        row = None if parent is None else self._store.rows.get(JobId(parent))
        return None if row is None else row.job.not_before

    def _away_ms(self, since: datetime | None) -> int:
        return 0 if since is None else round((self._store.clock.now() - since).total_seconds() * 1000)

    def _refusal(self, row: Row) -> ClaimRefused:
        job, environment = row.job, row.job.request.environment
        evidence: dict[str, object] = {"state": job.state.value, "attempt": job.attempt, "owner": row.owner}
        if job.state is JobState.RUNNING:
            return ClaimRefused(job.id, ClaimRefusal.ALREADY_RUNNING, environment, job.id, evidence)
        if job.state is not JobState.QUEUED:
            return ClaimRefused(job.id, ClaimRefusal.FINISHED, environment, job.id, evidence)
        row.parked, row.due = True, self._store.clock.now()
        head = self._store.holder(row)
        evidence |= {
            "holderState": head.job.state.value,
            "holderKind": head.job.request.kind.value,
            "holderWorker": head.owner,
            "holderSince": head.job.started_at.isoformat() if head.job.started_at else None,
        }
        return ClaimRefused(job.id, ClaimRefusal.NOT_HEAD, environment, head.job.id, evidence)


def concerns(asked: str | None, name: str | None, *, with_targets: bool) -> bool:
    return asked in (None, name) or (with_targets and (name or "").startswith(f"{asked}{PART}"))


def _shown(job: Job) -> JobState:
    leads = job.state is JobState.QUEUED and job.reason == UNDER_WAY
    return JobState.RUNNING if leads else job.state


def _ended(outcome: Ended) -> dict[str, Any]:
    return {
        "state": outcome.state,
        "reason": outcome.reason,
        "message": outcome.message,
        "error": outcome.error,
        "notices": outcome.notices,
    }


def _closed(step: StepRecord) -> StepRecord:
    if step.state not in (StepState.PENDING, StepState.RUNNING):
        return step
    return replace(step, state=StepState.SKIPPED, notice=LEFT_OPEN)
