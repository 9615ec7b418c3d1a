"""Plans: what would be run, with its locks, hazards and estimates."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.client.documents.jobs import Action, LockSession
from app.client.documents.planned_problems import PlannedProblem, TargetWithoutPlan
from app.client.documents.proofs import DryRun, Reversibility
from app.client.reading import Document, document


@document
class PlannedLock(Document):
    """`ofIndex`: taken on an index and on its table. `says`: what it blocks."""

    mode: str
    relation: str
    of_index: bool
    says: str


@document
class PlannedTable(Document):
    """`estimatedRows`: the server's own estimate. `bytes`: with indexes; null while somebody holds the table."""

    name: str
    estimated_rows: int | None
    bytes: int | None


@document
class PlannedHazard(Document):
    """`consent`: who has said that it may be taken, null when nobody has; `reason`: what its file says for it.

    `foundBy`: what a dry run alone has seen belongs to no statement. `estimatedRows`, `bytes`: of `DATA_LOSS`, how
    much is lost, about or at most; else null.
    """

    code: str
    title: str
    object: str
    file: str
    line: int | None
    happens: str
    to_do: str
    risk: str
    rule: str | None
    found_by: str
    estimated_rows: int | None
    bytes: int | None
    consent: str | None
    reason: str | None
    links: Mapping[str, str]


@document
class PlannedStatement(Document):
    """`cut`: `sql` is only its beginning; `/plans/{id}/sql` has all of it. `line`: of the file."""

    line: int
    sql: str
    cut: bool
    locks: tuple[PlannedLock, ...]
    tables: tuple[PlannedTable, ...]
    estimated_ms: int | None
    estimate_from: str
    hazards: tuple[PlannedHazard, ...]


@document
class PlannedText(Document):
    """A section as it is sent: where it begins, how long it is, and the SHA-256 of its bytes."""

    file: str
    line: int
    bytes: int
    sha256: str


@document
class PlannedSet(Document):
    """What is taken from one table in one way: `kept`, or lost for the reason in `whyNot`.

    `line`: of the file. `columns`: those that go or change; none where whole rows do. `estimatedRows`, `bytes`: of
    the kept set, by the server's own estimates; with `atMost` a condition says how much of it goes. `says`: all of
    it in words.
    """

    kind: str
    table: str
    columns: tuple[str, ...]
    line: int | None
    found_by: str
    estimated_rows: int | None
    bytes: int | None
    at_most: bool
    kept: bool
    why_not: str | None
    estimated_ms: int | None
    estimate_from: str
    says: str
    moved: bool = False


@document
class PlannedKeeping(Document):
    """What the step takes away. `runsTwice`: only its first run shows it. `estimatedMs`: on top of the step's."""

    sets: tuple[PlannedSet, ...]
    runs_twice: bool
    estimated_ms: int | None
    estimate_from: str


@document
class UnusedAllowance(Document):
    """A hazard that the file allows and does not have."""

    code: str
    file: str
    line: int
    message: str


@document
class PlannedStep(Document):
    """`apart`: why there is no transaction around it.

    `irreversible`: why there is no way back. `checksum`: of the file, SHA-256. `hazards`: those of no statement
    that is shown. `dryRun`: null when this very file was not tried. `keeping`: null when it takes nothing away, as
    far as anybody can tell.
    """

    ordinal: int
    name: str
    version: str
    direction: str
    transactional: bool
    apart: str | None
    reversible: bool
    irreversible: str | None
    reversibility: Reversibility | None
    dry_run: DryRun | None
    format: str
    language: str
    checksum: str
    file: str | None
    body: PlannedText | None
    verify: PlannedText | None
    statements: tuple[PlannedStatement, ...]
    statements_left_out: int
    hazards: tuple[PlannedHazard, ...]
    unused_allowances: tuple[UnusedAllowance, ...]
    estimated_ms: int | None
    estimate_from: str
    keeping: PlannedKeeping | None
    notice: str | None


@document
class PlanBlocker(LockSession):
    """A session that `step` would wait for now: it holds `holds` on `table`, and the step needs `needs`."""

    table: str
    holds: str
    needs: str
    step: int
    says: str


@document
class PlanOpenJob(Document):
    """A job that has the target, or waits for it."""

    id: str
    kind: str
    state: str
    created_at: datetime
    links: Mapping[str, str]


@document
class RightNow(Document):
    """Who is in the way at the moment `at`; `holder`: the job that has begun in the target and is not over."""

    at: datetime
    blockers: tuple[PlanBlocker, ...]
    open_jobs: tuple[PlanOpenJob, ...]
    holder: str | None


@document
class PlannedRequest(Document):
    """What was asked to be planned."""

    to: str | None
    count: int | None
    atomic: str
    allow_hazards: tuple[str, ...]


@document
class PlanTotals(Document):
    """`lacking`: hazards without consent.

    `undoable`: every step has a way back. `estimatedMs`: of all steps whose time can be estimated. `kept` and
    `lost`: sets of rows, as `keeping` of the steps lists them; `keepingMs`: of keeping them, on top.
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


@document
class LackingConsent(Document):
    """What is lacking: `flag` for the command line, `body` for the request, `inFile` for the migration."""

    hazards: tuple[str, ...]
    confirm: str | None
    flag: str
    body: Mapping[str, Any]
    in_file: tuple[str, ...]
    command: str


@document
class PlanSummary(Document):
    """A plan as it stands in the list."""

    id: str
    kind: str
    environment: str
    verdict: str
    created_at: datetime
    principal_id: str
    step_count: int
    hazard_count: int
    links: Mapping[str, str]


@document
class Plan(PlanSummary):
    """What would be run.

    `consent` is there while something needs it, `problem` when a run would be refused. `ledgerPosition` and
    `schemaFingerprint`: where the target stood, which a run of this plan is held to. `targets`: of several, the plan of
    each; `withoutPlan`: those of them that could not be looked at.
    """

    protection: str
    request: PlannedRequest
    server_version: str
    ledger_position: int | None
    schema_fingerprint: str | None
    summary: PlanTotals
    consent: LackingConsent | None
    problem: PlannedProblem | None
    steps: tuple[PlannedStep, ...]
    notices: tuple[str, ...]
    linter_notice: str | None
    right_now: RightNow
    actions: tuple[Action, ...]
    targets: tuple[PlanSummary, ...] = ()
    without_plan: tuple[TargetWithoutPlan, ...] = ()
