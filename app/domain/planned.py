"""A plan as it is kept and shown: what would be executed, what it needs, what is in its way, and what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.binding import Binding
from app.domain.environment import Protection
from app.domain.estimate import Estimate
from app.domain.examination import Judged, Unused
from app.domain.hazards import HazardCode
from app.domain.job import JobRequest, Origin
from app.domain.keeping import Keep
from app.domain.lock_modes import Lock
from app.domain.migration import Direction
from app.domain.problem import Problem
from app.domain.proof import Proof
from app.domain.survey import Blocker, TableSize


class PlanVerdict(StrEnum):
    """What a run would be answered: that it may, that somebody has to consent first, that it is refused."""

    READY = "ready"
    NEEDS_CONSENT = "needs_consent"
    REFUSED = "refused"


class Language(StrEnum):
    """What a step is written in; NOTHING is only recorded."""

    SQL = "sql"
    PYTHON = "python"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class PlannedText:
    """A section as it is sent, from `line` (1-based) of `file` on; of a Python step the whole file.

    `sha256`: of its UTF-8, in hexadecimal.
    """

    text: str
    file: str
    line: int
    byte_count: int
    sha256: str


@dataclass(frozen=True, slots=True)
class PlannedStatement:
    """`index`: among the script's statements, from 0. `line`: 1-based, of the file. `cut`: `sql` is its beginning.

    `tables`: those of its locks that are there; a lock on any other is one on what the plan makes first.
    """

    index: int
    line: int
    sql: str
    cut: bool
    locks: tuple[Lock, ...]
    tables: tuple[TableSize, ...]
    estimate: Estimate
    hazards: tuple[Judged, ...]


@dataclass(frozen=True, slots=True)
class PlannedKeeping:
    """What is kept of that which the step takes away, and what is lost: a set with a reason in `why_not`.

    `twice`: the step is run a second time for it. `estimate`: of all this, on top of the step's own.
    """

    sets: tuple[Keep, ...]
    twice: bool
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """`apart`: why it has no transaction around it. `irreversible`: why there is no way back.

    `hazards`: those that belong to no statement that is shown; `left_out`: how many statements are not. `proof`: what
    going up, down and up again has shown of this very file, without what it differs in; its `dry_run`: what an up did.
    `keeping` None: it takes nothing away, as far as anybody can tell.
    """

    ordinal: int
    name: str
    version: str
    direction: Direction
    checksum: str
    source_format: str
    language: Language
    apart: str | None
    irreversible: str | None
    body: PlannedText | None
    verify: PlannedText | None
    statements: tuple[PlannedStatement, ...]
    left_out: int
    hazards: tuple[Judged, ...]
    unused: tuple[Unused, ...]
    estimate: Estimate
    notice: str | None
    proof: Proof | None = None
    keeping: PlannedKeeping | None = None

    @property
    def every_hazard(self) -> tuple[Judged, ...]:
        return (*self.hazards, *(one for statement in self.statements for one in statement.hazards))


@dataclass(frozen=True, slots=True)
class WouldRefuse:
    """The refusal that a run would be answered, with all its problems; `slug` names its kind."""

    slug: str
    detail: str
    next_steps: tuple[str, ...]
    problems: tuple[Problem, ...]
    facts: dict[str, object]


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job that has the target, or waits for it, before this plan could run."""

    id: UUID
    kind: str
    state: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RightNow:
    """Who is in the way at one moment. `holder`: the job that has begun in the target and is not over."""

    at: datetime
    server_version: str
    blockers: tuple[Blocker, ...]
    open_jobs: tuple[OpenJob, ...]
    holder: UUID | None


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """`binding` None: it was refused, so there is nothing to run. `confirm`: the environment's name must be typed too.

    `lacking`: hazards that nobody has consented to. `linter_notice`: why the linter could not look.
    """

    id: UUID
    request: JobRequest
    origin: Origin
    created_at: datetime
    verdict: PlanVerdict
    protection: Protection
    binding: Binding | None
    steps: tuple[PlannedStep, ...]
    lacking: tuple[HazardCode, ...]
    confirm: bool
    refused: WouldRefuse | None
    notices: tuple[str, ...]
    linter_notice: str | None
    right_now: RightNow

    @property
    def summary(self) -> "PlanSummary":
        return PlanSummary(
            id=self.id,
            environment=self.request.environment,
            kind=self.request.kind.value,
            verdict=self.verdict,
            created_at=self.created_at,
            principal_id=self.origin.principal.id,
            step_count=len(self.steps),
            hazard_count=sum(len(step.every_hazard) for step in self.steps),
        )


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """A plan as it stands in the list."""

    id: UUID
    environment: str
    kind: str
    verdict: PlanVerdict
    created_at: datetime
    principal_id: str
    step_count: int
    hazard_count: int


@dataclass(frozen=True, slots=True)
class MadePlans:
    """What would be run in each target, in their order; at least one. `without`: why there is none, by name.

    `of_several`: they are those of an environment that has several.
    """

    plans: tuple[StoredPlan, ...]
    without: Mapping[str, WouldRefuse]
    of_several: bool


def most_in_its_way(plans: Sequence[StoredPlan]) -> StoredPlan:
    """The one of several that would be refused, or lacks consent, or has most to do; the first of equals."""
    order = (PlanVerdict.REFUSED, PlanVerdict.NEEDS_CONSENT, PlanVerdict.READY)
    return min(plans, key=lambda plan: (order.index(plan.verdict), -len(plan.steps)))
