"""What environments and the matrix look like: as `schemas`, which holds what they are made of."""

from typing import Literal

from pydantic import Field, RootModel

from app.api.schemas import Action, Links, ShownState
from app.api.shapes import Answer, Id, Moment
from app.domain.axes import SyncState
from app.domain.drift import DriftState
from app.domain.environment import OnDrift, OnFailure, OutOfOrder, Protection, SchemaCheck
from app.domain.hazards import Risk
from app.domain.job import JobKind
from app.domain.matrix import CellState


class NamedMigrations(Answer):
    """How many, and the first 50 of their names in the order they run."""

    count: int
    names: list[str]


class SyncEvidence(Answer):
    """`pending`: not applied, whatever keeps them from it; those that are `blocked` or have `failed` are among them.

    `missing`: applied, and no file defines it. `modified`: the file is another one than the one that was applied.
    """

    applied: int
    pending: NamedMigrations
    blocked: NamedMigrations
    failed: NamedMigrations
    missing: NamedMigrations
    modified: NamedMigrations
    uncertain: NamedMigrations


class SyncAxis(Answer):
    """The files against the ledger. `evidence` is null where the target could not be read; `message` says why."""

    state: SyncState
    message: str
    evidence: SyncEvidence | None


class DriftAxis(Answer):
    """The last look at the schema; `objects`: how many differ."""

    state: DriftState
    message: str
    checked_at: Moment | None
    first_seen_at: Moment | None
    objects: int
    conflict_id: Id | None


class JobGlimpse(Answer):
    id: Id
    kind: JobKind
    state: ShownState
    reason: str
    message: str
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    links: Links


class WindowNow(Answer):
    """Whether it may be changed now, the rule that keeps it closed, and when that changes; null: not within a year."""

    open: bool
    rule: str | None
    opens_at: Moment | None
    closes_at: Moment | None


class EnvironmentStatus(Answer):
    """Three axes. `lastJob`: the newest that has ended; `runningJob` is at work now; `openJobs` have not ended.

    Of an environment with several `targets`: the worst of what they show, and each of them.
    """

    environment: str
    sync: SyncAxis
    drift: DriftAxis
    last_job: JobGlimpse | None
    running_job: JobGlimpse | None
    open_jobs: int
    window: WindowNow
    links: Links
    targets: list["EnvironmentStatus"] = Field(default=[])


class WindowTimes(Answer):
    """Opens at each moment of `cron` in `timezone`, for so long."""

    cron: str
    duration_ms: int
    timezone: str


class Windows(Answer):
    """It may be changed while one of `allow` is open, or always where there is none; never while one of `deny` is."""

    allow: list[WindowTimes]
    deny: list[WindowTimes]


class SyncPolicy(Answer):
    """Which environment this one follows; `everyMs` null: only when somebody asks."""

    source: str = Field(alias="from")
    every_ms: int | None


class Target(Answer):
    """One of several; `name` stands wherever the name of an environment may."""

    name: str
    address: str
    direct_address: str | None
    scope: str
    links: Links


class RemovedEnvironment(Answer):
    """What is left of an environment that was taken out of liftlock.toml, and `message` says what to do about it.

    `lastSeenAt`: when a process last started with it. `jobs` on record, counted to 1000, and of these `openJobs`.
    `sameDatabaseAs`: the environment that has its database now, as after a renaming.
    """

    message: str
    last_seen_at: Moment
    jobs: int
    open_jobs: int
    same_database_as: str | None


class Environment(Answer):
    """What the configuration says of an environment, without its passwords.

    `recordedProtection` and `recordedEnvironment`: as the target has them on record; null where nothing was read. The
    stricter protection counts, one step less while `unlocked`. One that is `removed` has an address and a protection.
    """

    name: str
    is_default: bool
    state: Literal["configured", "removed", "unusable"]
    removed: RemovedEnvironment | None
    address: str = Field(description="of several targets that of the first")
    direct_address: str | None
    scratch_address: str | None
    scope: str = Field(description="the schema that is migrated; empty: the whole database")
    protection: Protection
    recorded_protection: Protection | None
    effective_protection: Protection
    unlocked: bool | None
    recorded_environment: str | None
    on_drift: OnDrift
    on_failure: OnFailure
    out_of_order: OutOfOrder
    consent: list[str]
    max_hold_ms: int | None
    schema_check: SchemaCheck
    require_proof: bool
    requires: list[str] = Field(description="where a migration must have been completed before it may run here")
    soak_ms: int = Field(description="and for how long")
    windows: Windows
    sync_policy: SyncPolicy | None
    approvals: int = Field(description="how many people beside the one who asks have to approve a job")
    before_run: bool = Field(description="whether a command has to succeed before a run; it may hold secrets")
    notify: list[str] | None = Field(description="the webhooks that hear of what happens here; null: all that want to")
    auto_run: bool | None
    lock_timeout_ms: int | None
    statement_timeout_ms: int | None
    lock_tries: int | None
    status: EnvironmentStatus | None
    links: Links
    actions: list[Action]
    unusable: str | None = Field(None, description="why this process cannot use one that is registered, and what to do")
    targets: list[Target] = Field([], description="where there are several, in the order in which they are changed")


class Environments(RootModel[list[Environment]]):
    """In the order of the configuration; those that are no longer in it come last."""


class MatrixCell(Answer):
    environment: str
    state: CellState
    applied_at: Moment | None
    target: str | None = Field(None, description="of several, the one where it stands worst")


class MatrixRow(Answer):
    """One migration; `cells` in the order of the environments. `file` is null where no file defines it any more."""

    name: str
    version: str
    reversible: bool
    risk: Risk | None = Field(description="the highest of its hazards on the way up, judged by its file alone")
    file: str | None
    cells: list[MatrixCell]
    links: Links


class Matrix(Answer):
    """Rows in the order they run; what no file defines any more comes first. Every environment with its `status`.

    `removed`: those that are no longer in liftlock.toml, `unusable`: those that are registered and name what is not
    there; no row has a cell for them.
    """

    environments: list[Environment]
    removed: list[Environment]
    unusable: list[Environment] = Field([])
    migrations: list[MatrixRow]
    links: Links
