"""Targets in memory: a ledger, a fence, and steps whose deeds are names in a list."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.drift import Kept, Sight
from app.domain.environment import Environment, Protection, stricter
from app.domain.errors import BackendUnavailable
from app.domain.failure import Failure, FailureCode
from app.domain.history import LedgerEvent
from app.domain.job import Attempt, Ended
from app.domain.ledger import History, LedgerEntry, Status, ledger_id
from app.domain.migration import Direction
from app.domain.pinned import Pinned, pin_plan
from app.domain.signals import Fenced, StepFailed
from app.domain.step import Deed, Plan, Step
from app.ports import (
    UNGUIDED,
    Acquired,
    Clock,
    DoneBefore,
    FenceBusy,
    Guide,
    LedgerWanted,
    Limits,
    TargetSession,
    TargetView,
)
from tests.fakes.clock import FakeClock


@dataclass
class Ledger:
    """What one target keeps; `deeds`: what was done; `events`: what was only recorded, by whom and why.

    `script`: errors for the next tries of a step, or functions that give one.
    """

    entries: dict[str, LedgerEntry] = field(default_factory=dict)
    plans: dict[UUID, Pinned] = field(default_factory=dict)
    steps: set[tuple[UUID, int]] = field(default_factory=set)
    done: dict[UUID, Ended] = field(default_factory=dict)
    environment: str | None = None
    protection: Protection | None = None
    epoch: int = 0
    holder: UUID | None = None
    sticky: tuple[UUID, int] | None = None
    deeds: list[tuple[str, str]] = field(default_factory=list)
    script: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    events: list[tuple[str, str, str, str | None]] = field(default_factory=list)
    positions: int = 0
    sight: Sight | None = None
    unread: bool = False
    kept: Kept | None = None
    unlocked_until: datetime | None = None

    def view_at(self, now: datetime) -> TargetView:
        holder = None if self.sticky is None else self.sticky[0]
        unlocked = self.unlocked_until is not None and self.unlocked_until > now
        history = History.of(self.entries.values())
        return TargetView(history, self.environment, self.protection, holder, unlocked=unlocked)


class MemoryTargets:
    """Implements ports.Targets. `entries` is the ledger that every environment begins with; `away`: what cannot be
    read, by name."""

    def __init__(self, *entries: LedgerEntry, clock: Clock | None = None) -> None:
        self._clock = clock or FakeClock()
        self._ledgers: dict[str, Ledger] = {}
        self.entries = entries
        self.unavailable: BackendUnavailable | None = None
        self.away: dict[str, BackendUnavailable] = {}

    def ledger(self, environment: str) -> Ledger:
        if environment not in self._ledgers:
            self._ledgers[environment] = Ledger({entry.name: entry for entry in self.entries})
        return self._ledgers[environment]

    def open(self, environment: Environment, attempt: Attempt) -> AbstractAsyncContextManager[TargetSession]:
        return self._open(environment, attempt)

    async def read(self, environment: Environment) -> TargetView:
        away = self.unavailable or self.away.get(environment.name)
        if away is not None:
            raise away
        if environment.name not in self._ledgers:
            return TargetView(History.of(self.entries))
        return self.ledger(environment.name).view_at(self._clock.now())

    async def past(self, environment: Environment, wanted: LedgerWanted) -> tuple[LedgerEvent, ...]:
        """One event for each entry: its newest."""
        found = [
            LedgerEvent(
                one.position, one.updated_at, one.name, one.version, one.status.value, one.job_id or one.id, "ann"
            )
            for one in (await self.read(environment)).history.entries
            if wanted.name in (None, one.name) and (one.updated_at, one.position) < (wanted.at, wanted.id)
        ]
        return tuple(sorted(found, key=lambda one: (one.at, one.id), reverse=True)[: wanted.limit])

    async def ended(self, environment: Environment, jobs: Sequence[UUID]) -> frozenset[UUID]:
        if self.unavailable is not None:
            raise self.unavailable
        return frozenset(jobs) & frozenset(self.ledger(environment.name).done)

    async def release(self, environment: Environment, stranded: UUID, outcome: Ended) -> None:
        ledger = self.ledger(environment.name)
        if ledger.sticky is not None and ledger.sticky[0] == stranded:
            ledger.done.setdefault(stranded, outcome)
            ledger.holder, ledger.sticky, ledger.epoch = None, None, ledger.epoch + 1

    @asynccontextmanager
    async def _open(self, environment: Environment, attempt: Attempt) -> AsyncIterator[TargetSession]:
        if self.unavailable is not None:
            raise self.unavailable
        yield MemorySession(self.ledger(environment.name), environment, attempt, self._clock)


class MemorySession:
    """Implements ports.TargetSession."""

    def __init__(self, ledger: Ledger, environment: Environment, attempt: Attempt, clock: Clock) -> None:
        self._ledger = ledger
        self._environment = environment
        self._attempt = attempt
        self._clock = clock
        self._nonce: UUID | None = None
        self._epoch = 0

    async def acquire(self, attempt: Attempt, nonce: UUID) -> Acquired | DoneBefore | FenceBusy:
        ledger, sticky = self._ledger, self._ledger.sticky
        if sticky is not None and not (sticky[0] == attempt.job_id and sticky[1] < attempt.number):
            return FenceBusy(sticky[0], sticky[1], self._clock.now())
        if attempt.job_id in ledger.done:
            return DoneBefore(ledger.done[attempt.job_id])
        ledger.epoch = max(ledger.epoch, attempt.floor_epoch) + 1
        ledger.holder, ledger.sticky = nonce, (attempt.job_id, attempt.number)
        self._nonce, self._epoch = nonce, ledger.epoch
        return Acquired(ledger.epoch)

    async def pin(self, plan: Callable[[TargetView], Plan]) -> tuple[Pinned, History]:
        self._check()
        view = self._ledger.view_at(self._clock.now())
        stored = self._ledger.plans.get(self._attempt.job_id)
        if stored is None:
            stored = pin_plan(plan(replace(view, sight=self._ledger.sight, unread=self._ledger.unread)))
            if not stored.steps:
                return stored, view.history
            self._ledger.plans[self._attempt.job_id] = stored
            protection = self._environment.protection
            self._ledger.protection = stricter(protection, view.protection or protection)
            self._ledger.environment = self._environment.name
        return stored, view.history

    async def apply(self, first: int, steps: Sequence[Step], limits: Limits, guide: Guide = UNGUIDED) -> int:
        self._check()
        due = [
            (ordinal, step)
            for ordinal, step in enumerate(steps, first)
            if (self._attempt.job_id, ordinal) not in self._ledger.steps
        ]
        for _, step in due:
            if self._ledger.script[step.name]:
                planned = self._ledger.script[step.name].pop(0)
                raise planned() if callable(planned) else planned
        for ordinal, step in due:
            self._ledger.steps.add((self._attempt.job_id, ordinal))
            self._refuse_other_ledger(ordinal, step)
            if step.deed is Deed.EXECUTED:
                self._ledger.deeds.append((step.name, step.direction.value))
            else:
                event = "resolved" if step.deed is Deed.ACCEPTED else "marked"
                said = self._attempt.request.note
                self._ledger.events.append((step.name, event, self._attempt.actor, said))
            self._write(step, Status.COMPLETED if step.direction is Direction.UP else Status.ROLLED_BACK)
        return 0

    @property
    def backend_pid(self) -> int | None:
        return 1

    async def record_failure(self, ordinal: int, step: Step, failure: Failure, undo: Sequence[Step]) -> None:
        self._check()
        pinned = self._ledger.plans[self._attempt.job_id]
        if pinned.failure is not None:
            return
        self._ledger.plans[self._attempt.job_id] = pinned.failed_at(ordinal, failure, undo)
        if step.deed is Deed.EXECUTED:
            status = Status.FAILED if step.direction is Direction.UP else Status.COMPLETED
            self._write(step, status, failure.summary())

    async def finish(self, outcome: Ended) -> Kept | None:
        self._check()
        self._ledger.done.setdefault(self._attempt.job_id, outcome)
        self._ledger.holder = self._ledger.sticky = None
        return self._ledger.kept

    async def close(self) -> None:
        pass

    def _check(self) -> None:
        if self._nonce is None or (self._ledger.holder, self._ledger.epoch) != (self._nonce, self._epoch):
            raise Fenced(f"attempt {self._attempt.number} was superseded")

    def _refuse_other_ledger(self, ordinal: int, step: Step) -> None:
        known = self._ledger.entries.get(step.name)
        applied = known is not None and known.status is Status.COMPLETED
        wanted = step.replaces if step.deed is Deed.ACCEPTED else None
        if wanted is not None and not (applied and known is not None and known.checksum == wanted):
            raise StepFailed(Failure(FailureCode.REFUSED, "that is not what was planned"), ordinal)

    def _write(self, step: Step, status: Status, error_message: str | None = None) -> None:
        self._ledger.positions += 1
        now, known = self._clock.now(), self._ledger.entries.get(step.name)
        entry = known or LedgerEntry(
            id=ledger_id(self._environment.name, self._environment.scope, step.name),
            name=step.name,
            version=step.version,
            status=status,
            position=0,
            checksum=step.checksum.raw,
            token_checksum=step.checksum.token,
            created_at=now,
            updated_at=now,
        )
        up = step.direction is Direction.UP
        # what stood already and is only recorded anew keeps its place
        kept = known is not None and known.status is Status.COMPLETED and up and step.deed is not Deed.EXECUTED
        self._ledger.entries[step.name] = replace(
            entry,
            status=status,
            position=entry.position if kept else self._ledger.positions,
            checksum=step.checksum.raw,
            token_checksum=step.checksum.token,
            updated_at=now,
            error_message=error_message,
            job_id=self._attempt.job_id,
            applied_at=now if status is Status.COMPLETED and up and not kept else entry.applied_at,
            rolled_back_at=now if status is Status.ROLLED_BACK else None,
            down=step.down.text if up and step.down is not None else entry.down,
            dependencies=step.dependencies if up else entry.dependencies,
            source_format=step.source_format,
        )
