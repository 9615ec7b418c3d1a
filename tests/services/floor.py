"""The executor with everything around it in memory."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from app.domain.environment import Dsn, Environment
from app.domain.failure import Failure, FailureCode
from app.domain.job import Attempt, Ended, Job, JobId, JobKind, JobRequest, Origin, Outcome
from app.portal import Portal
from app.ports import CommandEnd, Limits, NewJob
from app.services.approving import ApprovalDesk
from app.services.conflict import ConflictResolutionService
from app.services.drift import DriftRecorder
from app.services.environments import Environments
from app.services.execution import PlanExecutor
from app.services.gate import HazardGate
from app.services.lookout import Lookout, Watch
from app.services.neighbours import Neighbours
from app.services.pinning import Pinner
from app.services.policy import ExecutionPolicy
from app.services.preparation import Preparation
from app.services.stepping import LockPolicy
from app.services.watchdog import Watchdog
from app.services.withdrawing import Withdrawals
from tests.domain.literals import sql
from tests.fakes.approvals import MemoryApprovals
from tests.fakes.clock import FakeClock
from tests.fakes.conflicts import MemoryConflicts
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.drift import MemoryDrafts, MemoryDrift
from tests.fakes.idempotency import MemoryIdempotencyKeys
from tests.fakes.jobs import JobStore, MemoryClaims, MemoryJobs
from tests.fakes.leases import MemoryLeases
from tests.fakes.lint import FakeLinter
from tests.fakes.locks import MemoryLocks, MemoryObservers
from tests.fakes.proofs import MemoryProofs
from tests.fakes.schemas import LiteralSchemas
from tests.fakes.source import LiteralSource
from tests.fakes.surveys import LiteralSurveys
from tests.fakes.targets import Ledger, MemoryTargets

DEVELOPMENT = Environment("development", Dsn("postgresql://host/db"))
FILES = [sql("a", "1"), sql("b", "2"), sql("c", "3")]
LOCKED = Failure(FailureCode.LOCK_TIMEOUT, "canceling statement due to lock timeout", sqlstate="55P03")
BROKEN = Failure(FailureCode.SQL_ERROR, "it broke")


class NotingWatchdog(Watchdog):
    """Tells the test what it has found."""

    lost = False
    watched: Watch

    @asynccontextmanager
    async def watch(self, environment: Environment, attempt: Attempt, nonce: UUID) -> AsyncIterator[Watch]:
        async with super().watch(environment, attempt, nonce) as self.watched:
            yield self.watched

    async def _is_over(self, attempt: Attempt) -> bool:
        self.lost = await super()._is_over(attempt) or self.lost
        return self.lost


class NoCommands:
    """Implements ports.Commands where none is expected."""

    async def run(
        self, command: Sequence[str], target: Dsn, timeout_s: float, is_halted: Callable[[], bool]
    ) -> CommandEnd:
        raise AssertionError(command)


class Floor:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.targets = MemoryTargets(clock=self.clock)
        self.store = JobStore(self.clock, MemoryIdempotencyKeys(self.clock))
        self.claims = MemoryClaims(self.store)
        self.source = LiteralSource(*FILES)
        self.log = MemoryConflicts(self.clock)
        self.leases = MemoryLeases(self.clock, 30_000)
        self.portal, self.watchdog_portal = Portal("services"), Portal("watchdog")
        self.locks, self.observers = MemoryLocks(self.store), MemoryObservers(self.clock)
        lookout = Lookout(self.claims, self.locks, self.observers, every_ms=5)
        self.watchdog = NotingWatchdog(
            self.watchdog_portal, self.leases, self.claims, lookout, ttl_ms=30_000, every_ms=5
        )
        conflicts = ConflictResolutionService(self.log, self.log, MemoryJobs(self.store))
        self.schemas, self.checks = LiteralSchemas(), MemoryDrift(self.clock)
        self.surveys = LiteralSurveys()
        self.proofs = MemoryProofs(self.clock)
        self.commands = NoCommands()
        self.environments = environments = Environments({"development": DEVELOPMENT}, "development")
        self.votes = MemoryApprovals(self.store)
        self.approvals = ApprovalDesk(
            environments,
            self.votes,
            MemoryJobs(self.store),
            self.schemas,
            RecordingDoorbell(),
            self.clock,
            Withdrawals(MemoryDrafts()),
            read_only=False,
        )
        gate = HazardGate(self.schemas, FakeLinter(), self.surveys, 10**9)
        drift = DriftRecorder(self.schemas, self.checks, conflicts)
        self.executor = PlanExecutor(
            environments,
            self.source,
            self.targets,
            self.leases,
            self.claims,
            conflicts,
            self.watchdog,
            self.clock,
            ExecutionPolicy(Limits(1, 1, 1, 1), LockPolicy(3, 1_000, 60_000), 5_000, 3_600_000),
            drift,
            Neighbours(environments, self.targets, self.clock),
            Preparation(self.commands, self.clock),
            Pinner(self.source, gate, conflicts, drift, self.proofs, self.approvals),
        )

    @property
    def ledger(self) -> Ledger:
        return self.targets.ledger("development")

    def attempt(self, **asked: Any) -> Attempt:
        """Submit and claim."""
        request = JobRequest(asked.pop("kind", JobKind.RUN), "development", **asked)
        new = NewJob(JobId(self.clock.new_id()), request, Origin(), "waiting")
        self.portal.run(MemoryJobs(self.store).add(new))
        return self.claim(new.id)

    def claim(self, job_id: JobId) -> Attempt:
        claimed = self.portal.run(self.claims.claim(job_id, "worker", 30_000))
        assert isinstance(claimed, Attempt), claimed
        return claimed

    def execute(self, attempt: Attempt) -> Outcome:
        outcomes: list[Outcome] = []

        async def end(_: Attempt, outcome: Outcome) -> None:
            outcomes.append(outcome)

        self.portal.run(self.executor.execute(attempt, end))
        (outcome,) = outcomes
        return outcome

    def job(self, attempt: Attempt) -> Job:
        return self.store.rows[attempt.job_id].job


def ended(outcome: Outcome) -> Ended:
    assert isinstance(outcome, Ended), outcome
    return outcome
