"""A job: one request to change something, the states it may be in, and the only moves between them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from app.domain.binding import Binding
from app.domain.convoy import Convoy
from app.domain.environment import OnDrift, OnFailure
from app.domain.failure import Failure
from app.domain.preserved import Retrieval
from app.domain.principal import ANONYMOUS, Principal
from app.domain.settling import MarkAs, Settling
from app.domain.step import Atomicity

JobId = NewType("JobId", UUID)


class JobState(StrEnum):
    QUEUED = "queued"
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NEEDS_ATTENTION = "needs_attention"

    @property
    def final(self) -> bool:
        return self in FINAL


FINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.NEEDS_ATTENTION})

MOVES: Mapping[JobState, frozenset[JobState]] = {
    JobState.WAITING: frozenset({JobState.QUEUED, JobState.CANCELLED, JobState.FAILED}),
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.WAITING, JobState.CANCELLED, JobState.FAILED}),
    JobState.RUNNING: frozenset({JobState.QUEUED, JobState.WAITING, *FINAL}),
    **{state: frozenset() for state in FINAL},
}


def may_move(before: JobState, after: JobState, starts: int = 0) -> bool:
    """A job that has started may own the target's fence: only an attempt may end it, never the queue, and it is not
    sent back to wait."""
    if starts > 0 and (after is JobState.WAITING or (before is JobState.QUEUED and after in FINAL)):
        return False
    return after in MOVES[before]


class JobKind(StrEnum):
    RUN = "run"
    ROLLBACK = "rollback"
    RESET = "reset"
    MARK = "mark"
    RESOLVE = "resolve"
    RESTORE = "restore"
    RESCUE = "rescue"
    PURGE = "purge"
    SCAN = "scan"
    VERIFY = "verify"
    SYNC = "sync"
    FOLLOW = "follow"
    RECONCILE = "reconcile"
    COMPARE = "compare"

    @property
    def goes_up(self) -> bool:
        """Whether it runs what is pending."""
        return self in (JobKind.RUN, JobKind.SYNC)

    @property
    def writes_target(self) -> bool:
        """Whether it queues on a target; the others change no target."""
        return self not in CHORES


_WRITING = {JobKind.RUN, JobKind.ROLLBACK, JobKind.RESET, JobKind.MARK, JobKind.RESOLVE, JobKind.RESTORE, JobKind.SYNC}
CHORES = frozenset(JobKind) - _WRITING
CONTROL = "liftlock-control"
"""What stands in the place of an environment where a job concerns none."""


class OnBusy(StrEnum):
    QUEUE = "queue"
    FAIL = "fail"
    JOIN = "join"


class OutsideWindows(StrEnum):
    """What becomes of a run while its environment may not be changed."""

    REFUSE = "refuse"
    QUEUE = "queue"


class StepState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    APPLIED = "applied"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What is asked of a job, validated; `count` is for rollbacks, `to` a name or a version.

    `names` and `mark_as` are for marks, `settling` for answers to conflicts, `schedule` for periodic jobs, `retrieval`
    for kept rows that get a table, `preserve` for resets. `retry_of`: the job that asked for the same. `plan`: what it
    was planned to be, or nothing. `source`: the environment that a sync follows. `approved`: what its approval is for.
    `convoy`: the targets that it is for, one after the other; `parent`: the job that has asked for this one, for one;
    `unasked`: that one had begun where nobody had to approve it.
    """

    kind: JobKind
    environment: str
    to: str | None = None
    count: int | None = None
    atomic: Atomicity = Atomicity.MIGRATION
    on_failure: OnFailure | None = None
    on_busy: OnBusy = OnBusy.QUEUE
    on_drift: OnDrift | None = None
    confirm: str | None = None
    lock_timeout_ms: int | None = None
    note: str | None = None
    names: tuple[str, ...] = ()
    mark_as: MarkAs | None = None
    settling: Settling | None = None
    schedule: str | None = None
    retry_of: UUID | None = None
    allow_hazards: tuple[str, ...] = ()
    plan: Binding | None = None
    retrieval: Retrieval | None = None
    preserve: bool = True
    source: str | None = None
    outside_window: OutsideWindows = OutsideWindows.REFUSE
    approved: Binding | None = None
    convoy: Convoy | None = None
    parent: UUID | None = None
    unasked: bool = False

    @property
    def queue(self) -> str:
        """Whose turns it waits for: jobs of one queue run one at a time, in their order."""
        return self.environment if self.kind.writes_target else f"{self.environment}/{self.kind}"

    @property
    def stranded(self) -> UUID | None:
        """The job whose hold on the target this one ends; it goes before all that wait for the target."""
        return self.settling.stranded if self.settling is not None else None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from: stored on the job and passed on to the worker's log."""

    principal: Principal = ANONYMOUS
    request_id: str | None = None
    traceparent: str | None = None


LEFT_OPEN = "it did not come to an end in this job; GET /migrations shows what is applied"
"""The notice of a step that was not over when its job was: its worker died, or could not say how it ended."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step as the job shows it while it goes."""

    ordinal: int
    name: str
    version: str
    direction: str
    state: StepState
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_ms: int | None = None
    error: Failure | None = None
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A row of the control database. `seq` is its place in the target's queue.

    `not_before`, `approvals_needed`: for what it waits without a place: a moment, that many people's word. `parts`: the
    jobs of its targets, where it has them.
    """

    id: JobId
    request: JobRequest
    state: JobState
    reason: str
    message: str
    created_at: datetime
    updated_at: datetime
    seq: int | None = None
    attempt: int = 0
    starts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    lease_until: datetime | None = None
    error: Failure | None = None
    notices: tuple[str, ...] = ()
    origin: Origin = Origin()
    steps: tuple[StepRecord, ...] = field(default=())
    cancel_requested_at: datetime | None = None
    paused_by: str | None = None
    not_before: datetime | None = None
    approvals_needed: int = 0
    parts: tuple["Job", ...] = ()

    @property
    def cancelling(self) -> bool:
        return self.cancel_requested_at is not None and not self.state.final


@dataclass(frozen=True, slots=True)
class Wishes:
    """Who has asked an open job to stop, or to go no further for now."""

    cancelled_by: str | None = None
    paused_by: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """The right of one worker to work on one job: every write of it names `number` in its WHERE.

    `starts`: how many earlier attempts have begun to work, or may have taken the target, as far as it is known.
    `contended`: it had to wait for another, and the conflict log says so. `wishes`: what was asked of it meanwhile.
    `request_id`, `traceparent`: of the request that asked for the job. `away_ms`: since when its attempts, one after
    the other, have not reached its target. `not_before`: the opening of the window that it, or the whole that it is
    a part of, has waited for.
    """

    job_id: JobId
    number: int
    request: JobRequest
    floor_epoch: int
    starts: int
    max_starts: int
    queued_since: datetime
    owner: str
    actor: str = "anonymous"
    contended: bool = False
    wishes: Wishes = Wishes()
    request_id: str | None = None
    traceparent: str | None = None
    away_ms: int = 0
    not_before: datetime | None = None

    def moment(self, now: datetime) -> datetime:
        """What a window is asked for, `now` by the worker's clock. That what it has waited for has come, the control
        database's clock has said: a worker's that is behind would find the window closed, and the job fail."""
        return now if self.not_before is None else max(now, self.not_before)


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended for good."""

    state: JobState
    reason: str
    message: str
    error: Failure | None = None
    notices: tuple[str, ...] = ()


NOT_HERE = "environment_missing"
"""Why a job is given back, or waits, whose environment the process does not know."""
AWAY = "target_unreachable"
HELD_NOTHING = frozenset({"for_target", AWAY, "target_unusable", NOT_HERE})
"""Why an attempt gave its job back that has surely not taken its target; of any other nobody knows."""


@dataclass(frozen=True, slots=True)
class GivenBack:
    """The attempt ended, the job did not: it goes back to the queue after `after_ms`."""

    reason: str
    message: str
    after_ms: int = 0


@dataclass(frozen=True, slots=True)
class Superseded:
    """A newer attempt has the job; this one has nothing more to say."""

    message: str


Outcome = Ended | GivenBack | Superseded
