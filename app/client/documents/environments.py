"""Environments: what they are and where they stand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.client.documents.jobs import Action
from app.client.documents.migrations import MatrixCell
from app.client.reading import Document, document, named


@document
class NamedMigrations(Document):
    """How many, and the first 50 of their names in the order they run."""

    count: int
    names: tuple[str, ...]


@document
class SyncEvidence(Document):
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


@document
class SyncAxis(Document):
    """The files against the ledger. `evidence` is null where the target could not be read; `message` says why."""

    state: str
    message: str
    evidence: SyncEvidence | None


@document
class DriftAxis(Document):
    """The last look at the schema; `objects`: how many differ."""

    state: str
    message: str
    checked_at: datetime | None
    first_seen_at: datetime | None
    objects: int
    conflict_id: str | None


@document
class JobGlimpse(Document):
    id: str
    kind: str
    state: str
    reason: str
    message: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    links: Mapping[str, str]


@document
class WindowNow(Document):
    """Whether it may be changed now, the rule that keeps it closed, and when that changes; null: not within a year."""

    open: bool
    rule: str | None
    opens_at: datetime | None
    closes_at: datetime | None


@document
class Target(Document):
    """One of several; `name` stands wherever the name of an environment may."""

    name: str
    address: str
    direct_address: str | None
    scope: str
    links: Mapping[str, str]


@document
class EnvironmentStatus(Document):
    """Three axes. `lastJob`: the newest that has ended; `runningJob` is at work now; `openJobs` have not ended."""

    environment: str
    sync: SyncAxis
    drift: DriftAxis
    last_job: JobGlimpse | None
    running_job: JobGlimpse | None
    open_jobs: int
    links: Mapping[str, str]
    window: WindowNow | None = None
    targets: tuple["EnvironmentStatus", ...] = ()


@document
class WindowTimes(Document):
    """Opens at each moment of `cron` in `timezone`, for so long."""

    cron: str
    duration_ms: int
    timezone: str


@document
class Windows(Document):
    """It may be changed while one of `allow` is open, or always where there is none; never while one of `deny` is."""

    allow: tuple[WindowTimes, ...]
    deny: tuple[WindowTimes, ...]


@document
class SyncPolicy(Document):
    """Which environment this one follows; `everyMs` null: only when somebody asks."""

    source: str = named("from")
    every_ms: int | None


@document
class RemovedEnvironment(Document):
    """What is left of an environment that was taken out of liftlock.toml, and `message` says what to do about it.

    `jobs` on record, counted to 1000, and of these `openJobs`. `sameDatabaseAs`: who has its database now.
    """

    message: str
    last_seen_at: datetime
    jobs: int
    open_jobs: int
    same_database_as: str | None


@document
class Environment(Document):
    """What the configuration says of an environment, without its passwords.

    `recordedProtection` and `recordedEnvironment`: what the target itself has on record. They are read together
    with `status`; null where nothing is on record or nothing was read. The stricter protection counts, one step
    less while it is `unlocked`. `state`: `configured`, `removed` or `unusable`; of a removed one its address and
    protection are known, and nothing else. `unusable`: why a registered one cannot be used, and what to do.
    """

    name: str
    is_default: bool
    address: str
    direct_address: str | None
    scratch_address: str | None
    scope: str
    protection: str
    recorded_protection: str | None
    effective_protection: str
    unlocked: bool | None
    recorded_environment: str | None
    on_drift: str
    on_failure: str
    out_of_order: str
    consent: tuple[str, ...]
    max_hold_ms: int | None
    schema_check: str
    require_proof: bool
    requires: tuple[str, ...]
    soak_ms: int
    windows: Windows
    sync_policy: SyncPolicy | None
    approvals: int
    before_run: bool
    auto_run: bool | None
    lock_timeout_ms: int | None
    statement_timeout_ms: int | None
    lock_tries: int | None
    status: EnvironmentStatus | None
    links: Mapping[str, str]
    actions: tuple[Action, ...]
    targets: tuple[Target, ...] = ()
    state: str = "configured"
    removed: RemovedEnvironment | None = None
    notify: tuple[str, ...] | None = None
    unusable: str | None = None


@document
class MatrixRow(Document):
    """One migration; `cells` in the order of the environments. `file` is null where no file defines it any more."""

    name: str
    version: str
    reversible: bool
    risk: str | None
    file: str | None
    cells: tuple[MatrixCell, ...]
    links: Mapping[str, str]


@document
class Matrix(Document):
    """Rows in the order they run; what no file defines any more comes first. Every environment with its `status`.

    `removed`: those that are no longer in liftlock.toml, `unusable`: those that are registered and name what is not
    there; no row has a cell for them.
    """

    environments: tuple[Environment, ...]
    migrations: tuple[MatrixRow, ...]
    links: Mapping[str, str]
    removed: tuple[Environment, ...] = ()
    unusable: tuple[Environment, ...] = ()


@document
class Guarded(Document):
    """`protection` as it holds now: less strict than it is configured until `unlockedUntil`."""

    environment: str
    protection: str
    unlocked_until: datetime | None
    links: Mapping[str, str]


@document
class Registration(Document):
    """`document`: as it was sent."""

    name: str
    document: Mapping[str, Any]
    version: int
    updated_at: datetime
    updated_by: str
    links: Mapping[str, str]
