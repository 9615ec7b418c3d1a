"""What was kept of what a step would have destroyed, and for how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.domain.migration import Direction


class PreservedState(StrEnum):
    KEPT = "kept"
    RESTORED = "restored"
    PARTLY_RESTORED = "partly_restored"
    PURGED = "purged"


class PreservedKind(StrEnum):
    """What becomes of rows."""

    TABLE = "table"
    COLUMNS = "columns"
    TYPES = "types"
    DELETED = "deleted"
    UPDATED = "updated"
    SEQUENCE = "sequence"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows are kept. What a step could still give back stays twice as long: it is the only way back."""

    days: int

    def until(self, kept_at: datetime, *, needed: bool) -> datetime:
        return kept_at + timedelta(days=self.days * (2 if needed else 1))


@dataclass(frozen=True, slots=True)
class PreservedSet:
    """One set of kept rows. `bytes` and `rows` as they were kept; `restored`: how many rows went back.

    `needed`: the step that undoes `migration` may still come and give it back.
    """

    id: UUID
    migration: str
    direction: Direction
    job_id: UUID
    kind: PreservedKind
    table: str
    columns: tuple[str, ...]
    rows: int
    bytes: int
    checksum: str
    kept_at: datetime
    state: PreservedState
    needed: bool
    settled_at: datetime | None
    settled_by: UUID | None
    restored: int | None
    remarks: tuple[str, ...]
