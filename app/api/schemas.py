"""What the answers look like: `/openapi.json` is made of these, and the tests hold every answer against them."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel
from pydantic.alias_generators import to_camel

from app.api.examples import PROBLEM
from app.api.proof_schemas import ProofDetail, Reversibility
from app.api.shapes import Answer, Href, Id, JobChild, Moment
from app.domain.environment import OnFailure
from app.domain.failure import FailureCode
from app.domain.hazards import HazardCode
from app.domain.job import JobKind, OnBusy, OutsideWindows, StepState
from app.domain.ledger import Status
from app.domain.migration import Direction
from app.domain.settling import MarkAs, Resolution
from app.domain.standing import MigrationState, Undo
from app.domain.step import Atomicity


class ShownState(StrEnum):
    """A job's state, and `cancelling` for one that was asked to stop and has not stopped yet."""

    QUEUED = "queued"
    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NEEDS_ATTENTION = "needs_attention"


class Links(BaseModel):
    """Relative addresses by what they lead to; `self` is always there."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Href]

    self: Href


class Action(Answer):
    """What may be done now; `reason` says why not where `allowed` is false. `body` goes with the request."""

    name: str
    label: str
    method: str
    href: Href
    body: dict[str, Any] | None
    allowed: bool
    reason: str | None


class Failure(Answer):
    """What failed and where, what was left behind, whether it is safe to try again, what to type next."""

    code: FailureCode
    message: str
    migration: str | None
    direction: str | None
    sqlstate: str | None
    detail: str | None
    hint: str | None
    file: str | None
    line: int | None
    column: int | None
    statement: str | None
    caret: str | None
    context: str | None
    left_behind: str
    safe_to_retry: bool
    next_steps: list[str]


class Step(Answer):
    ordinal: int
    name: str
    version: str
    direction: Direction
    state: StepState
    started_at: Moment | None
    finished_at: Moment | None
    duration_ms: int | None
    notice: str | None
    error: Failure | None


class Request(Answer):
    """What was asked of the job."""

    to: str | None
    count: int | None
    atomic: Atomicity
    on_failure: OnFailure | None
    on_busy: OnBusy
    confirm: str | None
    lock_timeout_ms: int | None
    plan_id: Id | None
    allow_hazards: list[HazardCode]
    names: list[str]
    mark_as: MarkAs | None = Field(alias="as")
    conflict_id: Id | None
    resolution: Resolution | None
    migration: str | None
    schedule: str | None
    preserved_id: Id | None
    table: str | None
    preserve: bool | None
    source: str | None = Field(alias="from")
    outside_window: OutsideWindows


class Principal(Answer):
    id: str
    kind: str
    address: str | None
    name: str | None


class JobSummary(Answer):
    """A job as it stands in the list, without its steps. `environment` is null for jobs of Liftlock's own."""

    id: Id
    kind: JobKind
    environment: str | None
    state: ShownState
    reason: str
    message: str
    attempt: int
    created_at: Moment
    updated_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    duration_ms: int | None
    request: Request
    principal: Principal
    request_id: str | None
    retry_of: Id | None
    paused_by: str | None
    not_before: Moment | None
    approvals_needed: int
    note: str | None
    notices: list[str]
    error: Failure | None
    links: Links
    actions: list[Action]
    parent: Id | None = None


class Job(JobSummary):
    """`children`: the jobs of its targets, where its environment has several; each has this one as its `parent`."""

    steps: list[Step]
    children: list[JobChild] = Field(default=[])


class Change(Job):
    """The answer to a change: its job, and what the caller should know although nothing is wrong."""

    warnings: list[str]


class Jobs(RootModel[list[JobSummary]]):
    """Newest first."""


class MigrationRow(Answer):
    """One migration in one environment. Its times are null until the ledger knows it."""

    id: Id
    name: str
    version: str
    environment: str
    status: Status
    state: MigrationState
    applied_at: Moment | None
    rolled_back_at: Moment | None
    created_at: Moment | None
    updated_at: Moment | None
    error_message: str | None
    dependencies: list[str]
    blocked_by: list[str]
    reversible: bool
    irreversible: str | None
    checksum: str | None
    applied_checksum: str | None
    format: str
    file: str | None
    job_id: Id | None
    undo: Undo
    reversibility: Reversibility | None
    links: Links
    target: str | None = Field(None, description="of several, the one where it stands worst, which this is of")


class Migration(MigrationRow):
    proof: ProofDetail | None
    actions: list[Action]


class Migrations(RootModel[list[MigrationRow]]):
    """In the order they run; what no file defines any more comes first."""


class Alive(Answer):
    status: Annotated[str, Field(pattern="^alive$")]


class Check(Answer):
    name: str
    ok: bool
    needed: bool
    detail: str


class Readiness(Answer):
    """`degraded` still takes requests; `unready` does not."""

    status: Annotated[str, Field(pattern="^(ready|degraded|unready)$")]
    checks: list[Check]


class Version(Answer):
    name: str
    version: str
    python: str


class FoundProblem(BaseModel):
    """One of several; what is not known of its place is left out."""

    model_config = ConfigDict(extra="forbid")

    code: str
    message: str
    pointer: str = Field("", description="a JSON pointer into the body")
    parameter: str = Field("", description="of the path, the query or the headers")
    migration: str = ""
    file: str = ""
    line: int = 0
    column: int = 0


class Problem(BaseModel):
    """An error (RFC 9457). Its facts are further members; `type` is also the address of a page about it."""

    model_config = ConfigDict(alias_generator=to_camel, extra="allow", json_schema_extra={"examples": [PROBLEM]})

    type: Annotated[str, Field(pattern="^/problems/[a-z-]+$")]
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    next_steps: list[str]
    problems: list[FoundProblem] = Field(default_factory=list)


class ProblemPage(Answer):
    """What a problem means, why it happens and what to do about it."""

    type: Href
    title: str
    status: int | None
    means: str
    why: str
    what_to_do: str


class ProblemPages(RootModel[list[ProblemPage]]):
    """By the last part of their addresses; hazards come after them."""
