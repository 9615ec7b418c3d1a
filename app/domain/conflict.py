"""What two runs, two files, or a file and a database disagree about; recorded, explained, settled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


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


class ConflictState(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Remedy:
    """One way out of a conflict: a stable word and the sentence that explains it."""

    resolution: str
    description: str


REMEDIES: Mapping[ConflictKind, tuple[Remedy, ...]] = {
    ConflictKind.LOCK_CONTENTION: (
        Remedy("wait", "The waiting job starts by itself when the one before it ends; nothing needs to be done."),
    ),
    ConflictKind.DUPLICATE_DELIVERY: (
        Remedy("none", "The second delivery was dropped and nothing ran twice; nothing needs to be done."),
    ),
    ConflictKind.FENCED: (
        Remedy("none", "The older attempt was stopped before it could write; the newer one goes on by itself."),
    ),
    ConflictKind.CHECKSUM_MISMATCH: (
        Remedy("restore_file", "Put the file back as it was applied and put the change in a new migration."),
        Remedy("roll_back", "Roll the migration back with the text it was applied with, then run the new file."),
    ),
    ConflictKind.VERSION_COLLISION: (Remedy("reorder", "Give one of the files another version."),),
    ConflictKind.MISSING_FILE: (
        Remedy("restore_file", "Put the file back into the migrations folder."),
        Remedy(
            "roll_back",
            "Roll the migration back; a SQL migration is undone with the text it was applied with.",
        ),
    ),
    ConflictKind.MISSING_DEPENDENCY: (
        Remedy("restore_file", "Add the migration that is named, or correct the name in `dependencies`."),
    ),
    ConflictKind.CYCLE: (Remedy("reorder", "Remove one of the dependencies of the cycle."),),
    ConflictKind.OUT_OF_ORDER: (
        Remedy("reorder", "Give the file a version after the newest applied one."),
        Remedy(
            "allow",
            'Set `outOfOrder = "allow"` for the environment in liftlock.toml if late files are welcome.',
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
    """One record of the conflict log. `waited_ms` is set when a contention has settled itself."""

    id: UUID
    collision: Collision
    state: ConflictState
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None = None
    resolution: str | None = None
    waited_ms: int | None = None

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        return REMEDIES[self.collision.kind]
