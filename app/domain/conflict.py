"""What two runs, two files, or a file and a database disagree about; recorded, explained, settled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.settling import Resolution


class ConflictKind(StrEnum):
    LOCK_CONTENTION = "lock_contention"
    DUPLICATE_DELIVERY = "duplicate_delivery"
    FENCED = "fenced"
    CHECKSUM_MISMATCH = "checksum_mismatch"
    VERSION_COLLISION = "version_collision"
    MISSING_FILE = "missing_file"
    MISSING_DEPENDENCY = "missing_dependency"
    CYCLE = "cycle"
    OUT_OF_ORDER = "out_of_order"
    OBJECT_OVERLAP = "object_overlap"
    STRANDED_TARGET = "stranded_target"
    SCHEMA_DRIFT = "schema_drift"
    LOST_WORK = "lost_work"
    ENVIRONMENT_DIVERGENCE = "environment_divergence"


class ConflictState(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"
    EXPIRED = "expired"


class Way(StrEnum):
    """How a way out is gone: by itself; when the cause is found gone; at a person's word; by a job in the target."""

    ITSELF = "itself"
    CHECKED = "checked"
    WORD = "word"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Remedy:
    """One way out of a conflict: a stable word, the sentence that explains it, and how it is gone."""

    resolution: str
    description: str
    way: Way = Way.CHECKED


_NOTHING_TO_DO = "nothing needs to be done."
_ROLL_BACK = Remedy(
    Resolution.ROLL_BACK,
    "Roll the migration back (POST /migrations/rollback) with the text it was applied with, then run the new file.",
)
_MARK_ROLLED_BACK = Remedy(
    Resolution.MARK_ROLLED_BACK,
    "Record the migration as rolled back without running anything: what it did is gone from the schema already.",
    Way.JOB,
)

REMEDIES: Mapping[ConflictKind, tuple[Remedy, ...]] = {
    ConflictKind.LOCK_CONTENTION: (
        Remedy("wait", f"The waiting job starts by itself when the one before it ends; {_NOTHING_TO_DO}", Way.ITSELF),
        Remedy(Resolution.RETRY, "Ring for the waiting job once more; the record closes when it has had its turn."),
    ),
    ConflictKind.DUPLICATE_DELIVERY: (
        Remedy("none", f"The second delivery was dropped and nothing ran twice; {_NOTHING_TO_DO}", Way.ITSELF),
    ),
    ConflictKind.FENCED: (
        Remedy(
            "none",
            "The older attempt was stopped before it could write; the newer one goes on by itself.",
            Way.ITSELF,
        ),
    ),
    ConflictKind.CHECKSUM_MISMATCH: (
        Remedy(Resolution.RESTORE_FILE, "Put the file back as it was applied and put the change in a new migration."),
        Remedy(
            Resolution.ACCEPT_FILE,
            "Take this very file for what was applied: its checksum and its down replace those of the ledger, "
            "and nothing is run.",
            Way.JOB,
        ),
        _ROLL_BACK,
        _MARK_ROLLED_BACK,
    ),
    ConflictKind.VERSION_COLLISION: (Remedy(Resolution.REORDER, "Give one of the files another version."),),
    ConflictKind.MISSING_FILE: (
        Remedy(Resolution.RESTORE_FILE, "Put the file back into the migrations folder."),
        Remedy(
            Resolution.ROLL_BACK,
            "Roll the migration back (POST /migrations/rollback); SQL is undone with the text it was applied with.",
        ),
        _MARK_ROLLED_BACK,
    ),
    ConflictKind.MISSING_DEPENDENCY: (
        Remedy(Resolution.RESTORE_FILE, "Add the migration that is named, or correct the name in `dependencies`."),
    ),
    ConflictKind.CYCLE: (Remedy(Resolution.REORDER, "Remove one of the dependencies of the cycle."),),
    ConflictKind.OUT_OF_ORDER: (
        Remedy(Resolution.REORDER, "Give the file a version after the newest applied one."),
        Remedy(
            Resolution.ALLOW,
            'Set `outOfOrder = "allow"` for the environment in liftlock.toml if late files are welcome.',
        ),
        Remedy(
            Resolution.MARK_APPLIED,
            "Record the file as applied without running it: what it does is in the schema already.",
            Way.JOB,
        ),
    ),
    ConflictKind.OBJECT_OVERLAP: (
        Remedy(
            Resolution.REORDER, "Name one of the migrations in the `dependencies` of the other: then the order is said."
        ),
        Remedy(
            Resolution.IGNORE,
            "It is meant so; the record stays closed as long as these files are as they are.",
            Way.WORD,
        ),
    ),
    ConflictKind.SCHEMA_DRIFT: (
        Remedy(
            Resolution.ADOPT_DRIFT,
            "Write a migration, up and down, with the SQL of what has changed, and record it here as applied; in other "
            "environments it is run.",
            Way.JOB,
        ),
        Remedy(
            Resolution.REVERT_DRIFT,
            "Write a migration that takes the change back. Look at it, then run it with `onDrift: warn`.",
            Way.WORD,
        ),
        Remedy(
            Resolution.IGNORE_UNTIL,
            "Leave it until the moment that `until` names: nothing is refused for it before that.",
            Way.WORD,
        ),
    ),
    ConflictKind.LOST_WORK: (
        Remedy(
            "run_again",
            "What the database has lost is pending again: POST /migrations/run brings it back. The record stays until "
            "these jobs are no longer among the newest 50 of the environment, or somebody says that it is known.",
            Way.ITSELF,
        ),
        Remedy(
            Resolution.IGNORE,
            "It is known that the database was restored, or made anew; the record stays closed for these jobs.",
            Way.WORD,
        ),
    ),
    ConflictKind.ENVIRONMENT_DIVERGENCE: (
        Remedy(
            "bring_together",
            "GET /environments/compare shows how they differ, and the calls that bring them together; the record "
            "closes when they are compared next and agree.",
            Way.ITSELF,
        ),
        Remedy(
            Resolution.IGNORE,
            "It is meant so; the record stays closed as long as they differ in this and in nothing else.",
            Way.WORD,
        ),
    ),
    ConflictKind.STRANDED_TARGET: (
        Remedy(
            Resolution.RELEASE_TARGET,
            "End the sessions of the job that holds the target, mark it there as needing attention, and free the "
            "target. Make sure first that no other Liftlock works on this database.",
            Way.JOB,
        ),
    ),
}

SETTLED_BY_ITSELF = frozenset({ConflictKind.DUPLICATE_DELIVERY, ConflictKind.FENCED})


@dataclass(frozen=True, slots=True)
class Collision:
    """A conflict as it is seen once; equal `fingerprint`s are one record with a count.

    `evidence` holds both sides, as JSON values under camelCase names.
    """

    kind: ConflictKind
    message: str
    fingerprint: str
    environment: str | None = None
    job_id: UUID | None = None
    other_job_id: UUID | None = None
    migrations: tuple[str, ...] = ()
    evidence: Mapping[str, object] = field(default_factory=dict)
    answer: str = ""

    @property
    def state(self) -> ConflictState:
        return ConflictState.RESOLVED if self.kind in SETTLED_BY_ITSELF else ConflictState.OPEN


@dataclass(frozen=True, slots=True)
class Conflict:
    """One record of the conflict log. `waited_ms` is set when a contention has settled itself.

    `resolved_by`, `note` and `resolved_by_job`: who settled it, why, and the job that did it in the target.
    `ignored_until`: when it is open again, where it is still so.
    """

    id: UUID
    collision: Collision
    state: ConflictState
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None = None
    resolution: str | None = None
    waited_ms: int | None = None
    resolved_by: str | None = None
    note: str | None = None
    resolved_by_job: UUID | None = None
    ignored_until: datetime | None = None

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        return REMEDIES[self.collision.kind]

    @property
    def may_be_asked(self) -> tuple[Remedy, ...]:
        return tuple(remedy for remedy in self.remedies if remedy.way is not Way.ITSELF)
