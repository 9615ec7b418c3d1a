"""The lock modes of a table, from the weakest to the strongest, and what each stops.

https://www.postgresql.org/docs/15/explicit-locking.html, Table-Level Locks and Conflicting Lock Modes.
"""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.words import shown


class LockMode(StrEnum):
    """In the order of their strength, as PostgreSQL numbers them."""

    ACCESS_SHARE = "ACCESS SHARE"
    ROW_SHARE = "ROW SHARE"
    ROW_EXCLUSIVE = "ROW EXCLUSIVE"
    SHARE_UPDATE_EXCLUSIVE = "SHARE UPDATE EXCLUSIVE"
    SHARE = "SHARE"
    SHARE_ROW_EXCLUSIVE = "SHARE ROW EXCLUSIVE"
    EXCLUSIVE = "EXCLUSIVE"
    ACCESS_EXCLUSIVE = "ACCESS EXCLUSIVE"

    @property
    def strength(self) -> int:
        return _ORDER.index(self)


_ORDER = tuple(LockMode)
_STOPS = {
    LockMode.ACCESS_SHARE: "stops only what needs ACCESS EXCLUSIVE, such as DROP and most ALTER TABLE",
    LockMode.ROW_SHARE: "stops only what needs EXCLUSIVE or ACCESS EXCLUSIVE, such as DROP and most ALTER TABLE",
    LockMode.ROW_EXCLUSIVE: "stops DDL such as CREATE INDEX, no reads and no writes",
    LockMode.SHARE_UPDATE_EXCLUSIVE: "stops other DDL and VACUUM only",
    LockMode.SHARE: "stops writes while held; reads go on",
    LockMode.SHARE_ROW_EXCLUSIVE: "stops writes and other DDL while held; reads go on",
    LockMode.EXCLUSIVE: "stops writes, SELECT FOR UPDATE and other DDL while held; plain reads go on",
    LockMode.ACCESS_EXCLUSIVE: "stops reads and writes while held",
}


_CONFLICTS = {
    LockMode.ACCESS_SHARE: _ORDER[7:],
    LockMode.ROW_SHARE: _ORDER[6:],
    LockMode.ROW_EXCLUSIVE: _ORDER[4:],
    LockMode.SHARE_UPDATE_EXCLUSIVE: _ORDER[3:],
    LockMode.SHARE: (LockMode.ROW_EXCLUSIVE, LockMode.SHARE_UPDATE_EXCLUSIVE, *_ORDER[5:]),
    LockMode.SHARE_ROW_EXCLUSIVE: _ORDER[2:],
    LockMode.EXCLUSIVE: _ORDER[1:],
    LockMode.ACCESS_EXCLUSIVE: _ORDER,
}


def conflict(one: LockMode, other: LockMode) -> bool:
    """Whether two sessions cannot hold these on one table."""
    return other in _CONFLICTS[one]


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that a statement takes on `relation`; `of_index`: on an index and, which counts, on its table."""

    relation: str
    mode: LockMode
    of_index: bool = False

    def said(self) -> str:
        """`ACCESS EXCLUSIVE on orders: stops reads and writes while held`."""
        what = f"the table of {shown(self.relation)}" if self.of_index else shown(self.relation)
        return f"{self.mode} on {what}: {_STOPS[self.mode]}"


def strongest(locks: list[Lock]) -> tuple[Lock, ...]:
    """One for each relation, in the order in which they first come."""
    found: dict[tuple[str, bool], Lock] = {}
    for lock in locks:
        before = found.get((lock.relation, lock.of_index))
        if lock.relation and (before is None or before.mode.strength < lock.mode.strength):
            found[lock.relation, lock.of_index] = lock
    return tuple(found.values())
