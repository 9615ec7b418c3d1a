"""Each port twice: in memory, and over the real server; both pass the same tests."""

from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from app.adapters.control.announcements import Announcements
from app.adapters.control.approvals import ControlApprovals
from app.adapters.control.census import ControlMuster
from app.adapters.control.claims import ControlClaims
from app.adapters.control.conflicts import ControlConflicts
from app.adapters.control.convoys import ControlConvoys
from app.adapters.control.database import ControlDatabase
from app.adapters.control.deliveries import ControlDeliveries
from app.adapters.control.drift import ControlDrift
from app.adapters.control.events import ControlEvents
from app.adapters.control.feed import ControlFeed
from app.adapters.control.idempotency import ControlIdempotencyKeys
from app.adapters.control.jobs import ControlJobs
from app.adapters.control.locks import ControlLocks
from app.adapters.control.overview import ControlEnvironmentLog
from app.adapters.control.plans import ControlPlans
from app.adapters.control.proofs import ControlProofs
from app.adapters.control.registry import ControlRegistry
from app.adapters.control.removed import ControlFileRecord
from app.adapters.control.schedules import ControlSchedules
from app.adapters.control.sessions import ControlSessions
from app.adapters.control.sweep import ControlSweep
from app.adapters.control.tokens import ControlTokens
from app.adapters.control.trail import ControlTrail
from app.adapters.control.webhooks import ControlWebhooks
from app.adapters.control.wishes import ControlWishes
from app.domain.environment import Dsn
from app.portal import Portal
from app.ports import (
    Approvals,
    ConflictAnswers,
    ConflictLog,
    Convoys,
    Deliveries,
    DriftLog,
    EnvironmentLog,
    EventFeed,
    EventLog,
    FileRecord,
    IdempotencyKeys,
    JobBoard,
    JobClaims,
    JobControl,
    JobSweep,
    LockLog,
    Muster,
    Plans,
    Proofs,
    Registry,
    Schedules,
    Sessions,
    Tokens,
    Trail,
    Webhooks,
)
from tests.fakes.approvals import MemoryApprovals
from tests.fakes.census import MemoryMuster
from tests.fakes.clock import FakeClock
from tests.fakes.conflicts import MemoryConflicts
from tests.fakes.convoys import MemoryConvoys
from tests.fakes.drift import MemoryDrift
from tests.fakes.events import MemoryEvents
from tests.fakes.idempotency import MemoryIdempotencyKeys
from tests.fakes.jobs import JobStore, MemoryClaims, MemoryJobs
from tests.fakes.locks import MemoryLocks
from tests.fakes.overview import MemoryEnvironmentLog
from tests.fakes.plans import MemoryPlans
from tests.fakes.proofs import MemoryProofs
from tests.fakes.registry import MemoryRegistry
from tests.fakes.removed import MemoryFileRecord
from tests.fakes.schedules import MemorySchedules
from tests.fakes.sessions import MemorySessions
from tests.fakes.sweep import MemorySweep
from tests.fakes.tokens import MemoryTokens
from tests.fakes.trail import MemoryTrail
from tests.fakes.webhooks import MemoryDeliveries, MemoryWebhooks
from tests.fakes.wishes import MemoryWishes
from tests.support.house import open_house
from tests.support.servers import execute

T = TypeVar("T")

_AGE = (
    "UPDATE liftlock_control.jobs SET next_dispatch_at = next_dispatch_at - make_interval(secs => $1),"
    " lease_until = lease_until - make_interval(secs => $1), created_at = created_at - make_interval(secs => $1)"
    " WHERE state IN ('queued', 'running')",
    "UPDATE liftlock_control.idempotency_keys SET locked_until = locked_until - make_interval(secs => $1),"
    " expires_at = expires_at - make_interval(secs => $1)",
    "UPDATE liftlock_control.schedules SET next_due = next_due - make_interval(secs => $1)",
    "UPDATE liftlock_control.conflicts SET ignored_until = ignored_until - make_interval(secs => $1)",
    "ALTER TABLE liftlock_control.jobs DISABLE TRIGGER USER",
    "UPDATE liftlock_control.jobs SET due_at = due_at - make_interval(secs => $1) WHERE due_at IS NOT NULL",
    "UPDATE liftlock_control.jobs SET not_before = not_before - make_interval(secs => $1)",
    "ALTER TABLE liftlock_control.jobs ENABLE TRIGGER USER",
)


@dataclass
class Room:
    """The control database's ports, and a hand on the time that they go by."""

    board: JobBoard
    control: JobControl
    claims: JobClaims
    sweep: JobSweep
    conflicts: ConflictLog
    answers: ConflictAnswers
    schedules: Schedules
    keys: IdempotencyKeys
    locks: LockLog
    drift: DriftLog
    plans: Plans
    proofs: Proofs
    tokens: Tokens
    trail: Trail
    environments: EnvironmentLog
    approvals: Approvals
    registry: Registry
    file: FileRecord
    convoys: Convoys
    events: EventLog
    feed: EventFeed
    muster: Muster
    webhooks: Webhooks
    deliveries: Deliveries
    sessions: Sessions
    portal: Portal
    clock: FakeClock
    dsn: str | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.portal.run(work)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        if self.dsn is not None:
            for statement in _AGE:
                execute(self.dsn, statement, *([float(seconds)] if "$1" in statement else []))


@pytest.fixture(params=["memory", pytest.param("postgresql", marks=pytest.mark.servers)])
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    if request.param == "memory":
        yield from _memory_room()
    else:
        yield from _real_room(request, tmp_path)


def _memory_room() -> Iterator[Room]:
    clock, portal = FakeClock(), Portal("contract")
    keys = MemoryIdempotencyKeys(clock)
    store = JobStore(clock, keys)
    events = MemoryEvents(store, clock)
    conflicts, checks, trail = MemoryConflicts(clock), MemoryDrift(clock), MemoryTrail(clock)
    locks, webhooks = MemoryLocks(store), MemoryWebhooks(clock, trail)
    file = MemoryFileRecord(store, conflicts, checks, clock)
    schedules = MemorySchedules(store)
    yield Room(
        MemoryJobs(store),
        MemoryWishes(store),
        MemoryClaims(store),
        MemorySweep(store),
        conflicts,
        conflicts,
        schedules,
        keys,
        locks,
        checks,
        MemoryPlans(),
        MemoryProofs(clock),
        MemoryTokens(clock, trail),
        trail,
        MemoryEnvironmentLog(store, checks),
        MemoryApprovals(store),
        MemoryRegistry(clock, file, store),
        file,
        MemoryConvoys(store),
        events,
        events,
        MemoryMuster(store, conflicts, checks, locks, schedules),
        webhooks,
        MemoryDeliveries(clock, webhooks, trail),
        MemorySessions(),
        portal,
        clock,
    )
    portal.close()


def _real_room(request: pytest.FixtureRequest, folder: Path) -> Iterator[Room]:
    with open_house(request.getfixturevalue("servers"), folder) as house:
        database, announcements = ControlDatabase(Dsn(house.dsn)), Announcements(Dsn(house.dsn))
        portal = house.services.portal
        events = ControlEvents(database)
        feed = ControlFeed(Dsn(house.dsn), events)
        portal.on_close(database.close)
        portal.on_close(feed.close)
        portal.on_close(announcements.close)
        yield Room(
            ControlJobs(database, announcements),
            ControlWishes(database),
            ControlClaims(database),
            ControlSweep(database),
            ControlConflicts(database),
            ControlConflicts(database),
            ControlSchedules(database),
            ControlIdempotencyKeys(database),
            ControlLocks(database),
            ControlDrift(database),
            ControlPlans(database),
            ControlProofs(database),
            ControlTokens(database),
            ControlTrail(database),
            ControlEnvironmentLog(database),
            ControlApprovals(database),
            ControlRegistry(database),
            ControlFileRecord(database),
            ControlConvoys(database),
            events,
            feed,
            ControlMuster(database),
            ControlWebhooks(database),
            ControlDeliveries(database),
            ControlSessions(database),
            portal,
            FakeClock(),
            house.dsn,
        )
