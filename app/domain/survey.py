"""How large the tables of a plan are, and who stands at them now: what was seen of a target at one moment."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.lock_modes import Lock, LockMode, conflict
from app.domain.locks import Session
from app.domain.words import shown


@dataclass(frozen=True, slots=True)
class TableSize:
    """`rows`: as the server last estimated them, None when it never did. `bytes`: with indexes and TOAST.

    `heap_bytes`: of the rows alone. Both are None while somebody holds the table so that nobody may look.
    """

    name: str
    rows: int | None
    bytes: int | None
    heap_bytes: int | None


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock that a session has on a table, named as in `TableSize`."""

    table: str
    mode: LockMode
    session: Session


@dataclass(frozen=True, slots=True)
class Survey:
    """`tables`: by the relation that a statement names; that of an index is its table's. What is not there is absent.

    `server_version`: as the server says it, `15.4`.
    """

    at: datetime
    server_version: str
    tables: Mapping[str, TableSize] = field(default_factory=dict)
    held: tuple[HeldLock, ...] = ()

    def size_of(self, relation: str) -> TableSize | None:
        return self.tables.get(relation)


@dataclass(frozen=True, slots=True)
class Blocker:
    """A session that a step would wait for: it holds `holds` on `table`, and the step needs `needs`.

    `step`: the first such step, from 0.
    """

    session: Session
    table: str
    holds: LockMode
    needs: LockMode
    step: int

    def said(self, at: datetime) -> str:
        return f"{self.session.said(at)} and holds {self.holds} on {shown(self.table)}"


def blockers(survey: Survey, steps: Sequence[Sequence[Lock]]) -> tuple[Blocker, ...]:
    """Who would keep us waiting if the plan ran now; `steps`: the locks of each step. One for a session and table."""
    found: dict[tuple[int, str], Blocker] = {}
    for step, locks in enumerate(steps):
        for blocker in _in_the_way(survey, step, locks):
            found.setdefault((blocker.session.pid, blocker.table), blocker)
    return tuple(found.values())


def _in_the_way(survey: Survey, step: int, locks: Sequence[Lock]) -> Iterator[Blocker]:
    for lock in locks:
        size = survey.size_of(lock.relation)
        for held in survey.held:
            if size is not None and held.table == size.name and conflict(lock.mode, held.mode):
                yield Blocker(held.session, held.table, held.mode, lock.mode, step)
