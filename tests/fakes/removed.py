"""What liftlock.toml has held, in memory."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.environment import PART, whole_of
from app.domain.job import NOT_HERE, Job, JobState, Origin
from app.domain.removed import InFile, Removed
from app.ports import Clock, ConflictQuery
from tests.fakes.conflicts import MemoryConflicts
from tests.fakes.drift import MemoryDrift
from tests.fakes.jobs import JobStore


@dataclass(frozen=True, slots=True)
class _Known:
    stood: InFile
    first_seen_at: datetime
    last_seen_at: datetime
    removed: bool = False


class MemoryFileRecord:
    """Implements ports.FileRecord; `audit` is the trail."""

    def __init__(self, store: JobStore, conflicts: MemoryConflicts, checks: MemoryDrift, clock: Clock) -> None:
        self._store, self._conflicts, self._checks, self._clock = store, conflicts, checks, clock
        self._known: dict[str, _Known] = {}
        self.audit: list[tuple[str, str, str]] = []

    async def seen(self, standing: Sequence[InFile]) -> None:
        now = self._clock.now()
        for one in standing:
            known = self._known.get(one.name)
            self._known[one.name] = _Known(one, now if known is None else known.first_seen_at, now)

    async def left_out(self, known: Collection[str], wholes: Collection[str]) -> tuple[Removed, ...]:
        gone = [
            one
            for name, one in sorted(self._known.items())
            if not one.removed and name not in known and (PART not in name or whole_of(name) in wholes)
        ]
        told = [await self._told(one) for one in gone]
        return tuple(one for one in told if one is not None)

    async def remove(self, name: str, origin: Origin) -> bool:
        known = self._known.get(name)
        if known is None or known.removed:
            return False
        self.forget(name)
        self.audit.append((origin.principal.id, "environments.delete", name))
        return True

    async def wake(self, names: Collection[str]) -> None:
        for row in self._store.rows.values():
            of_them = any(_is_of(name, row.job.request.environment) for name in names)
            if of_them and row.job.state is JobState.QUEUED and row.job.reason == NOT_HERE:
                row.due = min(row.due, self._clock.now())

    def forget(self, name: str) -> None:
        """As one that was registered under this name, and is deleted, is forgotten."""
        for other, one in self._known.items():
            if _is_of(name, other):
                self._known[other] = replace(one, removed=True)

    async def _told(self, known: _Known) -> Removed | None:
        name = known.stood.name
        jobs = [row.job for row in self._store.rows.values() if _changes(row.job, name)]
        conflicts = await self._conflicts.find(ConflictQuery(limit=1, environment=name, with_targets=True))
        looks = [one for one in self._checks.checks.values() if one.recorded_at and _is_of(name, one.environment)]
        if not (jobs or conflicts or looks):
            return None
        still = sum(not job.state.final for job in jobs)
        return Removed(known.stood, known.first_seen_at, known.last_seen_at, len(jobs), still)


def _changes(job: Job, name: str) -> bool:
    return job.request.kind.writes_target and _is_of(name, job.request.environment)


def _is_of(name: str, other: str) -> bool:
    return other == name or other.startswith(f"{name}{PART}")
