"""What a target has applied: rows of its ledger, folded into the history that every plan starts from."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import NewType
from uuid import UUID, uuid5

LedgerId = NewType("LedgerId", UUID)

_UNRECORDED = UUID("6f0c5d0e-6e1c-5f0e-9d6b-4c6966746c6b")


UNCERTAIN = "uncertain: "
"""How the error message begins of a migration of which nobody knows what has happened."""


class Status(StrEnum):
    """The four statuses of the `migrations` table."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One row of `migrations`. `position` is the id of its newest event: it orders what is applied."""

    id: UUID
    name: str
    version: str
    status: Status
    position: int
    checksum: bytes
    token_checksum: bytes
    created_at: datetime
    updated_at: datetime
    applied_at: datetime | None = None
    rolled_back_at: datetime | None = None
    error_message: str | None = None
    dependencies: tuple[str, ...] = ()
    down: str | None = None
    irreversible: str | None = None
    source_format: str = "sql"
    job_id: UUID | None = None

    @property
    def uncertain(self) -> bool:
        return (self.error_message or "").startswith(UNCERTAIN)


@dataclass(frozen=True)
class History:
    """The ledger of one scope of one target."""

    entries: tuple[LedgerEntry, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[LedgerEntry]) -> "History":
        return cls(tuple(sorted(entries, key=lambda entry: entry.position)))

    @cached_property
    def by_name(self) -> dict[str, LedgerEntry]:
        return {entry.name: entry for entry in self.entries}

    @cached_property
    def applied(self) -> tuple[LedgerEntry, ...]:
        """What stands in the schema now, oldest first."""
        return tuple(entry for entry in self.entries if entry.status is Status.COMPLETED)

    @property
    def position(self) -> int:
        """The newest event that has changed a row: another one says that somebody has been here. 0: nobody has."""
        return self.entries[-1].position if self.entries else 0

    def is_applied(self, name: str) -> bool:
        entry = self.by_name.get(name)
        return entry is not None and entry.status is Status.COMPLETED


def shared(histories: Sequence[History]) -> History:
    """What all of them have applied, from the same text and since the last of them has it; of one alone, all of it."""
    first, *others = histories
    return first if not others else History.of(_everywhere(first, others))


def ledger_id(target: str, scope: str, name: str) -> UUID:
    """The id of a migration in a target, the same before and after its row exists."""
    return uuid5(_UNRECORDED, f"{target}\x00{scope}\x00{name}")


def _everywhere(first: History, others: Sequence[History]) -> Iterator[LedgerEntry]:
    for entry in first.entries:
        there = [other.by_name[entry.name] for other in others if other.is_applied(entry.name)]
        if entry.status is not Status.COMPLETED:
            yield entry
        elif len(there) == len(others) and all(one.token_checksum == entry.token_checksum for one in there):
            yield replace(entry, updated_at=max(one.updated_at for one in (entry, *there)))


def settle_uncertain(name: str) -> tuple[str, ...]:
    """What somebody does about a migration of which nobody knows what has happened."""
    marks = (json.dumps({"names": [name], "as": what}, ensure_ascii=False) for what in ("applied", "rolled_back"))
    applied, rolled_back = marks
    return (
        "look at the database, finish or take back by hand what the script does",
        f"when its changes are there: POST /migrations/mark {applied}",
        f"when they are not: POST /migrations/mark {rolled_back}",
    )
