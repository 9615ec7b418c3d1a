"""What was kept of what a step would have destroyed, and for how long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.domain.migration import Direction
from app.domain.step import count_of


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


def said_of(kind: PreservedKind, table: str, columns: Sequence[str], rows: int, restored: int | None = None) -> str:
    """A set in words; with `restored`, how much of it went back where that is not all."""
    part = "" if restored is None or restored == rows else f"{restored} of "
    match kind:
        case PreservedKind.TABLE:
            return f"the table {table} ({part}{count_of(rows, 'row')})"
        case PreservedKind.SEQUENCE:
            return f"the position of the sequence {table}"
        case PreservedKind.COLUMNS | PreservedKind.TYPES:
            return f"{', '.join(columns)} of {table} ({part}{count_of(rows, 'row')})"
        case PreservedKind.DELETED:
            return f"{part}{count_of(rows, 'deleted row')} of {table}"
        case PreservedKind.UPDATED:
            return f"{part}{count_of(rows, 'overwritten row')} of {table}"


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
    schema: str
    name: str
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

    @property
    def table(self) -> str:
        return table_said(self.schema, self.name)


class Place(StrEnum):
    """Whether a table can be made somewhere."""

    FREE = "free"
    TAKEN = "taken"
    NO_SCHEMA = "no_schema"


@dataclass(frozen=True, slots=True)
class Retrieval:
    """A set of kept rows to be put into a new table; `migration` and `direction` are the step that it is kept from."""

    set_id: UUID
    migration: str
    direction: Direction
    schema: str
    table: str

    @property
    def said(self) -> str:
        return table_said(self.schema, self.table)


def table_said(schema: str, name: str) -> str:
    return name if schema == "public" else f"{schema}.{name}"
