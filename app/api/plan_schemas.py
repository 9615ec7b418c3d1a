"""What plans look like in answers."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel
from pydantic.alias_generators import to_camel

from app.api.lock_schemas import LockSession
from app.api.proof_schemas import DryRun, Reversibility
from app.api.schemas import Action, FoundProblem, Links
from app.api.shapes import Answer, Href, Id, Moment
from app.domain.environment import Protection
from app.domain.examination import Consent
from app.domain.hazards import FoundBy, HazardCode, Risk
from app.domain.lock_modes import LockMode
from app.domain.migration import Direction
from app.domain.planned import Language, PlanVerdict
from app.domain.preserved import PreservedKind
from app.domain.step import Atomicity

SQL: dict[str, Any] = {
    "description": "SQL with comments",
    "content": {"text/plain": {"schema": {"type": "string"}}},
}
EstimatedMs = Annotated[int | None, Field(description="an estimate in ms; null where nobody can say")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class PlanSummary(Answer):
    """A plan as it stands in the list."""

    id: Id
    kind: Annotated[str, Field(pattern="^(run|rollback|reset|sync)$")]
    environment: str
    verdict: PlanVerdict
    created_at: Moment
    principal_id: str
    step_count: int
    hazard_count: int
    links: Links


class Plans(RootModel[list[PlanSummary]]):
    """Newest first."""


class PlannedRequest(Answer):
    """What was asked to be planned."""

    to: str | None
    count: int | None
    atomic: Atomicity
    allow_hazards: list[HazardCode]


class PlanTotals(Answer):
    """`lacking`: hazards without consent. `undoable`: every step has a way back.

    `estimatedMs`: of all steps whose time can be estimated. `kept` and `lost`: sets of rows, as `keeping` of the steps
    lists them; `keepingMs`: of keeping them, on top.
    """

    to_apply: int
    to_roll_back: int
    hazards: int
    lacking: int
    undoable: bool
    estimated_ms: int
    estimate_is_whole: bool
    kept: int
    lost: int
    keeping_ms: int
    estimate_is: str


class LackingConsent(Answer):
    """What is lacking: `flag` for the command line, `body` for the request, `inFile` for the migration."""

    hazards: list[HazardCode]
    confirm: str | None
    flag: str
    body: dict[str, Any]
    in_file: list[str]
    command: str


class PlannedProblem(BaseModel):
    """The problem that a run would be answered with; its facts are further members."""

    model_config = ConfigDict(alias_generator=to_camel, extra="allow")

    type: Annotated[str, Field(pattern="^/problems/[a-z-]+$")]
    title: str
    status: int
    detail: str
    next_steps: list[str]
    problems: list[FoundProblem]


class PlannedLock(Answer):
    """`ofIndex`: taken on an index and on its table. `says`: what it blocks."""

    mode: LockMode
    relation: str
    of_index: bool
    says: str


class PlannedTable(Answer):
    """`estimatedRows`: the server's own estimate. `bytes`: with indexes; null while somebody holds the table."""

    name: str
    estimated_rows: int | None
    bytes: int | None


class PlannedHazard(Answer):
    """`consent`: who has said that it may be taken, null when nobody has; `reason`: what its file says for it.

    `foundBy`: what a dry run alone has seen belongs to no statement. `estimatedRows`, `bytes`: of `DATA_LOSS`, how much
    is lost, about or at most; else null.
    """

    code: HazardCode
    title: str
    object: str
    file: str
    line: int | None
    happens: str
    to_do: str
    risk: Risk
    rule: str | None
    found_by: FoundBy
    estimated_rows: int | None
    bytes: int | None
    consent: Consent | None
    reason: str | None
    links: Links


class PlannedStatement(Answer):
    """`cut`: `sql` is only its beginning; `/plans/{id}/sql` has all of it. `line`: of the file."""

    line: int
    sql: str
    cut: bool
    locks: list[PlannedLock]
    tables: list[PlannedTable]
    estimated_ms: EstimatedMs
    estimate_from: str
    hazards: list[PlannedHazard]


class PlannedText(Answer):
    """A section as it is sent: where it begins, how long it is, and the SHA-256 of its bytes."""

    file: str
    line: int
    bytes: int
    sha256: Sha256


class PlannedSet(Answer):
    """What is taken from one table in one way: `kept`, or lost for the reason in `whyNot`. `line`: of the file.

    `columns`: those that go or change; none where whole rows do. `estimatedRows`, `bytes`: of the kept set, by the
    server's own estimates; with `atMost` a condition says how much of it goes.
    `moved`: the table itself is what is kept, and no copy is made. `says`: all of it in words.
    """

    kind: PreservedKind
    table: str
    columns: list[str]
    line: int | None
    found_by: FoundBy
    estimated_rows: int | None
    bytes: int | None
    at_most: bool
    kept: bool
    why_not: str | None
    moved: bool
    estimated_ms: EstimatedMs
    estimate_from: str
    says: str


class PlannedKeeping(Answer):
    """What the step takes away. `runsTwice`: only its first run shows it. `estimatedMs`: on top of the step's."""

    sets: list[PlannedSet]
    runs_twice: bool
    estimated_ms: EstimatedMs
    estimate_from: str


class UnusedAllowance(Answer):
    """A hazard that the file allows and does not have."""

    code: HazardCode
    file: str
    line: int
    message: str


class PlannedStep(Answer):
    """`apart`: why there is no transaction around it. `irreversible`: why there is no way back.

    `checksum`: of the file, SHA-256. `hazards`: those of no statement that is shown. `dryRun`: null when this very
    file was not tried. `keeping`: null when it takes nothing away, as far as anybody can tell.
    """

    ordinal: int
    name: str
    version: str
    direction: Direction
    transactional: bool
    apart: str | None
    reversible: bool
    irreversible: str | None
    reversibility: Reversibility | None
    dry_run: DryRun | None
    format: str
    language: Language
    checksum: Sha256
    file: str | None
    body: PlannedText | None
    verify: PlannedText | None
    statements: list[PlannedStatement]
    statements_left_out: int
    hazards: list[PlannedHazard]
    unused_allowances: list[UnusedAllowance]
    estimated_ms: EstimatedMs
    estimate_from: str
    keeping: PlannedKeeping | None
    notice: str | None


class PlanBlocker(LockSession):
    """A session that `step` would wait for now: it holds `holds` on `table`, and the step needs `needs`."""

    table: str
    holds: LockMode
    needs: LockMode
    step: int
    says: str


class PlanOpenJob(Answer):
    """A job that has the target, or waits for it."""

    id: Id
    kind: str
    state: str
    created_at: Moment
    links: dict[str, Href]


class RightNow(Answer):
    """Who is in the way at the moment `at`; `holder`: the job that has begun in the target and is not over."""

    at: Moment
    blockers: list[PlanBlocker]
    open_jobs: list[PlanOpenJob]
    holder: Id | None


class TargetWithoutPlan(Answer):
    """One that could not be looked at; `problem`: why, as a run of the whole would be answered."""

    environment: str
    problem: PlannedProblem


class Plan(PlanSummary):
    """What would be run. `consent` is there while something needs it, `problem` when a run would be refused.

    `ledgerPosition` and `schemaFingerprint`: where the target stood, which a run of this plan is held to. `targets`: of
    an environment that has several, the plan of each; this is the one with most in its way. `withoutPlan`: its targets
    that could not be looked at.
    """

    protection: Protection
    request: PlannedRequest
    server_version: str
    ledger_position: int | None
    schema_fingerprint: str | None
    summary: PlanTotals
    consent: LackingConsent | None
    problem: PlannedProblem | None
    steps: list[PlannedStep]
    notices: list[str]
    linter_notice: str | None
    right_now: RightNow
    actions: list[Action]
    targets: list[PlanSummary] = Field(default=[])
    without_plan: list[TargetWithoutPlan] = Field(default=[])
