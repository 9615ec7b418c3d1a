"""What the services need of the world, as Protocols; each has two implementations that pass one suite."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.domain.conflict import Collision, Conflict, ConflictState
from app.domain.environment import Environment, Protection
from app.domain.failure import Failure
from app.domain.job import (
    Attempt,
    ClaimRefused,
    Ended,
    GivenBack,
    Job,
    JobId,
    JobKind,
    JobRequest,
    JobState,
    Origin,
    StepRecord,
)
from app.domain.ledger import History
from app.domain.migration import Catalog
from app.domain.plan import Pinned, Plan, Step
from app.domain.problem import Problem


class Source(Protocol):
    """A folder of migrations."""

    async def read(self) -> Catalog:
        """Every migration and every problem; never raises for the content of a file."""
        ...

    def unloadable(self, steps: Sequence[Step]) -> tuple[Problem, ...]:
        """Load the Python files of these steps, as running them would; what is wrong with them."""
        ...


class Doorbell(Protocol):
    """Rings workers. A lost ring costs seconds, never a job."""

    async def ring(self, job_id: JobId) -> bool:
        """False when the broker cannot be reached."""
        ...


@dataclass(frozen=True, slots=True)
class NewJob:
    """`finished` is set for a job that had nothing to do and is over when it is born."""

    id: JobId
    request: JobRequest
    origin: Origin
    message: str
    finished: Ended | None = None
    dedupe_key: str | None = None
    dedupe_within_s: int = 60
    idempotency: "KeyClaim | None" = None


@dataclass(frozen=True, slots=True)
class JobQuery:
    """A page of the job list, newest first; `before` is the id of the last job of the page before."""

    limit: int = 50
    before: JobId | None = None
    state: JobState | None = None
    kind: JobKind | None = None
    environment: str | None = None


class Changes(Protocol):
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

    async def open_on(self, environment: str) -> tuple[Job, ...]:
        """Jobs of the environment that have not ended, in the order they will run."""
        ...

    def watch(self, job_id: JobId) -> AbstractAsyncContextManager["Changes"]:
        """Changes of the job from now on; enter before reading the job, or one may be missed."""
        ...


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

    async def record_steps(self, attempt: Attempt, steps: Sequence[StepRecord], message: str) -> None: ...


class JobSweep(Protocol):
    """What nobody is looking after: jobs that are due, and jobs whose worker is gone."""

    async def due(self, limit: int) -> tuple[JobId, ...]:
        """Heads of their target's queue that are due for another ring; pushes their next ring back."""
        ...

    async def rescue(self, limit: int) -> tuple[JobId, ...]:
        """Give jobs with a lapsed lease back to the queue."""
        ...

    async def next_on(self, environment: str) -> JobId | None:
        """The head of the queue, if its ring was used up while it had to wait."""
        ...

    async def unrung(self, job_id: JobId) -> None:
        """The ring did not get out: try again in 5 s."""
        ...

    async def purge(self) -> int:
        """Delete idempotency keys past their time; how many."""
        ...


@dataclass(frozen=True, slots=True)
class ConflictQuery:
    limit: int | None = None
    before: UUID | None = None
    state: ConflictState | None = None
    environment: str | None = None


class ConflictLog(Protocol):
    async def record(self, collision: Collision) -> Conflict:
        """A new record, or one more of the open record with the same fingerprint."""
        ...

    async def find(self, query: ConflictQuery) -> tuple[Conflict, ...]: ...

    async def get(self, conflict_id: UUID) -> Conflict | None: ...

    async def settle_contention(self, job_id: JobId, waited_ms: int) -> int:
        """The waiting job got its turn: close its contentions and say how long it waited."""
        ...

    async def expire(self, environment: str, kinds: Sequence[str], seen: Sequence[str]) -> int:
        """Close open records of these kinds whose fingerprint is not in `seen`: their cause is gone."""
        ...


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
class Held:
    """We hold the lease. `reachable` False: Redis is away, and the fence alone decides."""

    reachable: bool = True


@dataclass(frozen=True, slots=True)
class HeldElsewhere:
    """Somebody else does, for `ttl_ms` more."""

    job_id: str
    attempt: int
    ttl_ms: int


class Leases(Protocol):
    """The timed right to work on a target, in Redis: politeness, never safety."""

    def hold(
        self, environment: str, attempt: Attempt, nonce: UUID
    ) -> AbstractAsyncContextManager[Held | HeldElsewhere]: ...

    async def renew(self, environment: str, attempt: Attempt, nonce: UUID) -> bool:
        """False when another has it; True when it is ours, or Redis cannot say."""
        ...


@dataclass(frozen=True, slots=True)
class Acquired:
    epoch: int


@dataclass(frozen=True, slots=True)
class DoneBefore:
    """An earlier attempt had finished the job in the target, but could not say so."""

    outcome: Ended


@dataclass(frozen=True, slots=True)
class FenceBusy:
    """Another job is sticky on the target, or a newer attempt of this one holds it."""

    job_id: UUID | None
    attempt: int | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a step may wait and run for, in ms; 0 switches a limit off."""

    lock_timeout_ms: int
    data_lock_timeout_ms: int
    statement_timeout_ms: int
    idle_timeout_ms: int


@dataclass(frozen=True, slots=True)
class TargetView:
    """What a question may see of a target; `protection` is the one recorded in it, if any."""

    history: History
    environment: str | None = None
    protection: Protection | None = None


class TargetSession(Protocol):
    """One attempt's connection to one target; it reconnects by itself when the connection is lost."""

    backend_pid: int | None

    async def acquire(self, attempt: Attempt, nonce: UUID) -> Acquired | DoneBefore | FenceBusy:
        """F1, then `job_done` in the same transaction."""
        ...

    async def pin(self, plan: Callable[[TargetView], Plan]) -> tuple[Pinned, History]:
        """Look again under the fence: pin the plan made of what is there now, or read the pinned one."""
        ...

    async def apply(self, first: int, steps: Sequence[Step], limits: Limits) -> int:
        """One transaction: fence check, the steps numbered from `first`, their ledger rows, COMMIT.

        A step that an earlier attempt has committed is left out. Returns the duration in ms. Raises
        StepFailed, TransactionEnded, LockNotAvailable, ConnectionLost or Fenced.
        """
        ...

    async def record_failure(self, ordinal: int, step: Step, failure: Failure, undo: Sequence[Step]) -> None:
        """The ledger's `failed` row, and the plan of the way back, in one transaction."""
        ...

    async def finish(self, outcome: Ended) -> None:
        """F3: the outcome marker, and the target is free."""
        ...

    async def close(self) -> None: ...


class Targets(Protocol):
    def open(self, environment: Environment, attempt: Attempt) -> AbstractAsyncContextManager[TargetSession]:
        """Raises BackendUnavailable when the target cannot be reached or used."""
        ...

    async def read(self, environment: Environment) -> TargetView:
        """Reads only; a target without a ledger has an empty history. Raises BackendUnavailable."""
        ...


class Clock(Protocol):
    def now(self) -> datetime: ...

    async def pause(self, seconds: float) -> None: ...

    def random(self) -> float:
        """In [0, 1)."""
        ...

    def new_id(self) -> UUID:
        """A UUIDv7: ids sort by their time of birth."""
        ...
