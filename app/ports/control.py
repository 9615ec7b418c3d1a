"""What the services need of the control database."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.domain.announced import NothingDone
from app.domain.claim import ClaimRefused
from app.domain.conflict import Collision, Conflict, ConflictState
from app.domain.job import (
    Attempt,
    Ended,
    GivenBack,
    Job,
    JobId,
    JobKind,
    JobRequest,
    JobState,
    Origin,
    StepRecord,
    Wishes,
)
from app.domain.locks import LockSample
from app.domain.principal import Principal


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """The right to answer for an idempotency key; `token` proves it to the job's transaction."""

    client: str
    key: str
    token: UUID


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


@dataclass(frozen=True, slots=True)
class KnownJob:
    """The first request made this job and died before its answer was stored."""

    job_id: JobId


class IdempotencyKeys(Protocol):
    async def begin(self, client: str, key: str, request_hash: bytes) -> KeyClaim | StoredAnswer | KnownJob:
        """Raises IdempotencyKeyReused or IdempotencyInProgress."""
        ...

    async def complete(self, claim: KeyClaim, answer: StoredAnswer) -> None: ...

    async def release(self, claim: KeyClaim) -> None:
        """The request was refused and did nothing: the key may be used again."""
        ...


@dataclass(frozen=True, slots=True)
class NewJob:
    """`finished` is set for a job that had nothing to do and is over when it is born.

    `not_before`, `approvals_needed`: for that moment and that many approvals it waits, without a place in its queue.
    """

    id: JobId
    request: JobRequest
    origin: Origin
    message: str
    finished: Ended | None = None
    dedupe_key: str | None = None
    dedupe_within_s: int = 60
    idempotency: "KeyClaim | None" = None
    not_before: datetime | None = None
    approvals_needed: int = 0


def first_state(job: NewJob) -> tuple[JobState, str]:
    """State and reason of a new job that is not over."""
    if job.approvals_needed:
        return JobState.WAITING, "approval"
    return (JobState.QUEUED, "for_worker") if job.not_before is None else (JobState.WAITING, "window")


@dataclass(frozen=True, slots=True)
class JobQuery:
    """A page of the job list, newest first; `before` is the id of the last job of the page before. Of an environment:
    the jobs that change it; `chores`: also those that only look at it, or bring others about; `with_targets`: also
    those of its single targets. Without `idle`, what a schedule started is left out until it has done something, or
    failed.
    """

    limit: int = 50
    before: JobId | None = None
    state: JobState | None = None
    kind: JobKind | None = None
    environment: str | None = None
    with_targets: bool = False
    chores: bool = False
    idle: bool = False


class Changes(Protocol):
    @property
    def ended(self) -> bool:
        """The job's end was seen, or may have been missed: look. False: it has not ended since."""
        ...

    @property
    def end(self) -> NothingDone | None:
        """How it ended, where that was all told with the news of it."""
        ...

    async def wait(self, timeout_s: float) -> bool:
        """Until something may have changed; False when `timeout_s` passed first. May wake for nothing."""
        ...


class JobBoard(Protocol):
    """Jobs as those see them who ask for them."""

    async def add(self, job: NewJob) -> Job:
        """Commit the job and its audit row, or return the younger one with the same dedupe key.

        Raises IdempotencyInProgress when the key was taken over by another request meanwhile.
        """
        ...

    async def get(self, job_id: JobId) -> Job | None: ...

    async def find(self, query: JobQuery) -> tuple[Job, ...]:
        """Without their steps."""
        ...

    async def open_on(self, queue: str) -> tuple[Job, ...]:
        """Jobs of the environment, or of another queue, that have not ended, in the order they will run."""
        ...

    def watch(self, job_id: JobId) -> AbstractAsyncContextManager["Changes"]:
        """Changes of the job from now on; enter before reading the job, or one may be missed."""
        ...


class JobControl(Protocol):
    """What people ask of a job that has not ended; each gives the job as it is then, None if there is no open one."""

    async def cancel(self, job_id: JobId, by: Principal, request_id: str | None = None) -> Job | None:
        """End a queued job that never started; ask any other to stop. Whoever asked first is on record."""
        ...

    async def pause(self, job_id: JobId, by: Principal, request_id: str | None = None) -> Job | None:
        """Ask it to go no further for now."""
        ...

    async def resume(self, job_id: JobId, by: Principal, request_id: str | None = None) -> Job | None: ...


class JobClaims(Protocol):
    """Jobs as the worker sees them; every write proves its attempt in its WHERE."""

    async def claim(self, job_id: JobId, owner: str, ttl_ms: int) -> Attempt | ClaimRefused: ...

    async def started(self, attempt: Attempt, epoch: int) -> int | None:
        """Count a start once the fence is held; None when the attempt is over."""
        ...

    async def beat(self, attempt: Attempt, ttl_ms: int) -> bool:
        """False when the attempt is over."""
        ...

    async def end(self, attempt: Attempt, outcome: Ended | GivenBack) -> bool:
        """False when the attempt was over already."""
        ...

    async def wishes(self, attempt: Attempt) -> Wishes: ...

    async def record_steps(self, attempt: Attempt, steps: Sequence[StepRecord], message: str) -> None: ...

    async def record_heard(self, attempt: Attempt, lines: Sequence[tuple[StepRecord, str]]) -> None:
        """What steps have said, line by line, as events of the job."""
        ...


class LockLog(Protocol):
    """What was seen of the locks around a job."""

    async def record(self, attempt: Attempt, sample: LockSample, message: str) -> None:
        """Keep the sample, and let the job say `message`: for as long as it waits, its reason is `lock`."""
        ...

    async def say(self, attempt: Attempt, message: str) -> None:
        """Only what the job says: ages grow while nothing else is news."""
        ...

    async def of(self, job_id: JobId) -> tuple[LockSample, ...]:
        """Oldest first."""
        ...


class JobSweep(Protocol):
    """What nobody is looking after: jobs that are due, and jobs whose worker is gone."""

    async def wake(self, limit: int) -> int:
        """Give those a place in their queue that have waited for a moment which has come; how many."""
        ...

    async def due(self, limit: int) -> tuple[JobId, ...]:
        """Heads of their target's queue that are due for another ring; pushes their next ring back."""
        ...

    async def rescue(self, limit: int) -> tuple[JobId, ...]:
        """Give jobs with a lapsed lease back to the queue."""
        ...

    async def next_on(self, queue: str) -> JobId | None:
        """The head of the queue, if its ring was used up while it had to wait."""
        ...

    async def unrung(self, job_id: JobId) -> None:
        """The ring did not get out: try again in 5 s."""
        ...

    async def purge(self) -> int:
        """Delete idempotency keys past their time; how many.

        Ticks that found nothing to do go after a day, and are not counted.
        """
        ...


@dataclass(frozen=True, slots=True)
class ConflictQuery:
    """`with_targets` as of JobQuery."""

    limit: int | None = None
    before: UUID | None = None
    state: ConflictState | None = None
    environment: str | None = None
    with_targets: bool = False


class ConflictLog(Protocol):
    async def record(self, collision: Collision) -> Conflict:
        """A new record, or one more of the open record with the same fingerprint."""
        ...

    async def record_all(self, collisions: Sequence[Collision]) -> tuple[Conflict, ...]: ...

    async def find(self, query: ConflictQuery) -> tuple[Conflict, ...]: ...

    async def get(self, conflict_id: UUID) -> Conflict | None: ...

    async def settle_contention(self, job_id: JobId, waited_ms: int) -> int:
        """The waiting job got its turn: close its contentions and say how long it waited."""
        ...

    async def ignored(self, environment: str) -> frozenset[str]:
        """Fingerprints of what somebody has said to ignore until a moment that has not come."""
        ...

    async def expire(self, environment: str, kinds: Sequence[str], seen: Sequence[str]) -> int:
        """Close open records of these kinds whose fingerprint is not in `seen`: their cause is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """How a conflict was settled, by whom and why. `job_id`: the job that did it, whose asking is audited already.

    `until`: it is left alone until then.
    """

    resolution: str
    origin: Origin
    note: str | None = None
    job_id: UUID | None = None
    until: datetime | None = None


class ConflictAnswers(Protocol):
    async def close(self, conflict_id: UUID, answer: Answer) -> Conflict | None:
        """Close an open record and write it to the audit trail; None when it was not open any more.

        A job may also close one that has expired meanwhile: its cause is gone because of the job.
        """
        ...
