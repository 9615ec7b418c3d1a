"""The HTTP application on fakes: what a test asks it, and what a worker would do meanwhile."""

import secrets
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.adapters.health import BackendHealth, Check
from app.domain.environment import Dsn, Environment, Protection
from app.domain.job import Attempt, Ended, JobId, JobState
from app.domain.migration import Migration
from app.domain.preserved import Retention
from app.portal import Portal
from app.ports import TargetView
from app.registry.reading import DocumentReader
from app.services.access import Authenticator
from app.services.allowance import Allowance
from app.services.approving import ApprovalDesk
from app.services.comparing import Comparer
from app.services.conflict import ConflictResolutionService
from app.services.drift import DriftRecorder
from app.services.drift_desk import DriftDesk
from app.services.environments import Environments
from app.services.fan_out import FanOut
from app.services.fitness import FitnessCheck
from app.services.gate import HazardGate
from app.services.history import HistoryService
from app.services.install import ControlInstaller
from app.services.measuring import MeasuringService
from app.services.migration import MigrationService
from app.services.neighbours import Neighbours
from app.services.notifying import Notifier
from app.services.overview import Overview
from app.services.plan_desk import PlanDesk
from app.services.plans import PlanService
from app.services.preserved import PreservedShelf
from app.services.proof_desk import ProofDesk
from app.services.registry import EnvironmentRegistry
from app.services.removed import RemovedEnvironments
from app.services.resolving import ConflictResolver
from app.services.retrieving import RetrievalService
from app.services.rollback import RollbackService
from app.services.runner import AutoRun, MigrationRunnerService, Sweeper
from app.services.schedule import ScheduleService
from app.services.sessions import SessionDesk
from app.services.submission import Submission
from app.services.sync import EnvironmentSyncService
from app.services.sync_desk import SyncDesk
from app.services.token_desk import TokenDesk
from app.services.trail import AuditTrail
from app.services.tries import FailedTries
from app.services.unlocking import ProtectionDesk
from app.services.validation import SchemaValidationService
from app.services.webhook_desk import WebhookDesk
from app.services.withdrawing import Withdrawals
from app.settings import Settings
from app.wiring import Services
from tests.api.contract import Contract, Document
from tests.domain.literals import entry, sql
from tests.fakes.approvals import MemoryApprovals
from tests.fakes.census import MemoryMuster
from tests.fakes.clock import FakeClock
from tests.fakes.conflicts import MemoryConflicts
from tests.fakes.convoys import MemoryConvoys
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.drift import MemoryDrafts, MemoryDrift
from tests.fakes.events import MemoryEvents
from tests.fakes.fitness import MemoryFitness
from tests.fakes.idempotency import MemoryIdempotencyKeys
from tests.fakes.jobs import JobStore, MemoryClaims, MemoryJobs
from tests.fakes.lint import FakeLinter
from tests.fakes.locks import MemoryLocks
from tests.fakes.overview import MemoryEnvironmentLog
from tests.fakes.ownership import MemoryOwnership
from tests.fakes.plans import MemoryPlans
from tests.fakes.preserved import MemoryPreservedRows
from tests.fakes.proofs import MemoryProofs
from tests.fakes.registry import MemoryRegistry
from tests.fakes.removed import MemoryFileRecord
from tests.fakes.schedules import MemorySchedules
from tests.fakes.schemas import LiteralSchemas
from tests.fakes.sessions import MemorySessions
from tests.fakes.source import LiteralSource
from tests.fakes.surveys import LiteralSurveys
from tests.fakes.sweep import MemorySweep
from tests.fakes.targets import MemoryTargets
from tests.fakes.tokens import MemoryTokens
from tests.fakes.trail import MemoryTrail
from tests.fakes.webhooks import MemoryDeliveries, MemoryWebhooks, OpenVault, RecordingCourier
from tests.fakes.wishes import MemoryWishes
from tests.support.applications import lend, take_back

T = TypeVar("T")

SECRET = "hush-hush"
DSN = Dsn(f"postgresql://owner:{SECRET}@db:5432/shop")
ENVIRONMENTS = (
    Environment("development", DSN),
    Environment("production", DSN, Protection.LOCKED),
)
ONE, TWO, THREE = sql("create users", "1"), sql("add email", "2", up="SELECT 2"), sql("orders", "3", up="SELECT 3")


class Answer(TestResponse):
    """Whose JSON a test knows the shape of."""

    @property
    def json(self) -> Any:
        return self.get_json()


class FakeHealth:
    """Implements the questions of BackendHealth."""

    def __init__(self) -> None:
        self.answers = (Check("postgresql", True, True, "answers"), Check("redis", True, False, "answers"))

    async def checks(self) -> tuple[Check, ...]:
        return self.answers


@dataclass
class Stand:
    """`source` and `targets` may be changed while it runs.

    `call` goes through the whole application, and every answer is held against `/openapi.json`.
    """

    files: Sequence[Migration] = (ONE, TWO, THREE)
    applied: Sequence[Migration] = ()
    changed_settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock, self.doorbell, self.health = FakeClock(), RecordingDoorbell(), FakeHealth()
        self.keys = MemoryIdempotencyKeys(self.clock)
        self.store = JobStore(self.clock, self.keys)
        self.claims, self.log = MemoryClaims(self.store), MemoryConflicts(self.clock)
        self.events = MemoryEvents(self.store, self.clock)
        self.schedules = MemorySchedules(self.store)
        self.source = LiteralSource(*self.files)
        self.targets, self.trail = MemoryTargets(clock=self.clock), MemoryTrail(self.clock)
        self.apply(*self.applied)
        self.services = self._services(_settings(**self.changed_settings))
        self.app: Flask = lend(self.services)
        self.contract = Contract(self.app, _document_of(self.app))

    def call(self, method: str, path: str, **given: Any) -> Answer:
        """`token`: what the caller says it is."""
        given.setdefault("base_url", "http://localhost:3000")
        token = given.pop("token", None)
        if token is not None:
            given["headers"] = {"Authorization": f"Bearer {token}", **given.get("headers", {})}
        response = self.client().open(path, method=method, **given)
        self.contract.hold(method, path, response)
        return cast(Answer, response)

    def client(self) -> FlaskClient:
        """For requests whose answers nobody looks at closely."""
        return self.app.test_client()

    def get(self, path: str, **given: Any) -> Answer:
        return self.call("GET", path, **given)

    def post(self, path: str, **given: Any) -> Answer:
        return self.call("POST", path, **given)

    def delete(self, path: str, **given: Any) -> Answer:
        return self.call("DELETE", path, **given)

    def apply(self, *migrations: Migration) -> None:
        self.targets.entries = tuple(entry(one, position) for position, one in enumerate(migrations, 1))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.services.portal.run(work)

    def start(self, job_id: str) -> Attempt:
        """What a worker does first."""
        attempt = self.run(self.claims.claim(JobId(UUID(job_id)), "worker", 30_000))
        assert isinstance(attempt, Attempt)
        return attempt

    def finish(self, job_id: str, state: JobState = JobState.SUCCEEDED, reason: str = "applied", **said: Any) -> None:
        """What a worker does first and last."""
        attempt = self.start(job_id)
        self.clock.advance(1.5)
        self.run(self.claims.end(attempt, Ended(state, reason, "3 migrations applied", **said)))

    def view(self) -> TargetView:
        return self.run(self.targets.read(ENVIRONMENTS[0]))

    def _services(self, settings: Settings) -> Services:
        portal = Portal("api-test")
        board, sweep = MemoryJobs(self.store), MemorySweep(self.store)
        environments = Environments(dict(settings.environments), settings.default_environment)
        conflicts = ConflictResolutionService(self.log, self.log, board)
        self.schemas, self.linter = LiteralSchemas(), FakeLinter()
        self.plans, self.surveys = MemoryPlans(), LiteralSurveys()
        self.gate = gate = HazardGate(self.schemas, self.linter, self.surveys, settings.keep_bytes)
        validation = SchemaValidationService(self.source, self.targets, conflicts, gate)
        self.proofs = MemoryProofs(self.clock)
        neighbours = Neighbours(environments, self.targets, self.clock)
        self.drafts, self.fitness = MemoryDrafts(), MemoryFitness()
        withdrawals = Withdrawals(self.drafts)
        self.votes = MemoryApprovals(self.store)
        approvals = ApprovalDesk(
            environments,
            self.votes,
            board,
            self.schemas,
            self.doorbell,
            self.clock,
            withdrawals,
            read_only=settings.read_only,
        )
        submission = Submission(
            environments,
            validation,
            gate,
            board,
            sweep,
            self.doorbell,
            self.clock,
            self.proofs,
            neighbours,
            approvals,
            shortcut=settings.shortcut,
            read_only=settings.read_only,
        )
        self.checks = MemoryDrift(self.clock)
        self.recorder = DriftRecorder(self.schemas, self.checks, conflicts)
        plans = PlanService(
            environments,
            self.source,
            self.targets,
            self.schemas,
            self.surveys,
            gate,
            board,
            self.plans,
            self.proofs,
            self.recorder,
            self.clock,
            neighbours,
        )
        self.locks = MemoryLocks(self.store)
        self.shelf = MemoryPreservedRows()
        desk = DriftDesk(
            environments,
            self.schemas,
            self.recorder,
            self.source,
            self.targets,
            self.drafts,
            submission,
            board,
            self.clock,
        )
        self.file = MemoryFileRecord(self.store, self.log, self.checks, self.clock)
        self.registry = MemoryRegistry(self.clock, self.file, self.store)
        schedules = ScheduleService(self.schedules, environments, submission, board, sweep, self.doorbell, self.clock)
        self.known = MemoryEnvironmentLog(self.store, self.checks)
        overview = Overview(self.source, self.targets, self.known, self.clock)
        fan_out, self.convoys = (
            FanOut(environments, submission, board, FitnessCheck(self.fitness)),
            MemoryConvoys(self.store),
        )
        wishes = MemoryWishes(self.store)
        migrations = MigrationService(
            fan_out, submission, board, self.convoys, wishes, self.locks, withdrawals, environments
        )
        removed = RemovedEnvironments(environments, self.file, board, migrations)
        plan_desk = PlanDesk(environments, plans)
        self.tokens = MemoryTokens(self.clock, self.trail)
        self.webhooks = MemoryWebhooks(self.clock, self.trail)
        self.deliveries = MemoryDeliveries(self.clock, self.webhooks, self.trail)
        self.courier, self.vault = RecordingCourier(), OpenVault()
        sync = EnvironmentSyncService(environments, overview, Comparer(overview, self.schemas), self.proofs, gate)
        self.muster = MemoryMuster(self.store, self.log, self.checks, self.locks, self.schedules)
        authenticator = Authenticator(self.tokens, self.clock, FailedTries(self.clock), settings.admin_token)
        return Services(
            settings=settings,
            portal=portal,
            sweeper_portal=Portal("api-test-sweeper"),
            watchdog_portal=Portal("api-test-watchdog"),
            environments=environments,
            migrations=migrations,
            rollbacks=RollbackService(fan_out),
            plans=plans,
            plan_desk=plan_desk,
            validation=validation,
            sync=sync,
            approvals=approvals,
            protection=ProtectionDesk(
                environments, self.targets, MemoryOwnership(self.targets, self.clock), self.trail, submission
            ),
            syncs=SyncDesk(environments, fan_out, plan_desk, board),
            conflicts=conflicts,
            drift=desk,
            preserved=PreservedShelf(environments, self.shelf, Retention(30)),
            retrievals=RetrievalService(environments, self.shelf, submission, self.clock),
            proofs=ProofDesk(environments, validation, submission, board, self.clock),
            resolver=ConflictResolver(
                environments, conflicts, validation, submission, board, self.doorbell, desk, self.clock
            ),
            schedules=schedules,
            registry=EnvironmentRegistry(
                environments,
                self.registry,
                DocumentReader({"QA_URL": "postgresql://qa:hush@db/qa"}),
                board,
                self.targets,
                submission,
                schedules,
                removed,
                approvals,
            ),
            removed=removed,
            identity=None,
            allowance=None if settings.rate is None else Allowance(self.clock, settings.rate),
            webhooks=WebhookDesk(
                self.webhooks,
                self.deliveries,
                self.vault,
                environments,
                self.clock,
                lambda: secrets.token_bytes(32),
                allowed=settings.webhook_allow,
                read_only=settings.read_only,
            ),
            notifier=Notifier(self.webhooks, self.deliveries, self.courier, self.vault, environments, self.clock),
            authenticator=authenticator,
            sessions=SessionDesk(
                MemorySessions(), authenticator, self.trail, self.clock, lambda: secrets.token_hex(32)
            ),
            tokens=TokenDesk(
                self.tokens, environments, self.clock, lambda: secrets.token_hex(32), read_only=settings.read_only
            ),
            trail=AuditTrail(self.trail, self.clock),
            runner=cast(MigrationRunnerService, None),
            sweeper=Sweeper(sweep, self.doorbell),
            installer=cast(ControlInstaller, None),
            auto_run=AutoRun(migrations, validation),
            measuring=MeasuringService(self.muster, sync, self.clock),
            board=board,
            history=HistoryService(environments, self.targets, board),
            events=self.events,
            feed=self.events,
            idempotency=self.keys,
            health=cast(BackendHealth, self.health),
        )


_documents: list[Document] = []


def _document_of(app: Flask) -> Document:
    """Made of the code alone, so the same for each stand; to make it takes a while."""
    if not _documents:
        _documents.append(app.test_client().get("/openapi.json", base_url="http://localhost:3000").get_json())
    return _documents[0]


@contextmanager
def standing(**given: Any) -> Iterator[Stand]:
    stand = Stand(**given)
    try:
        yield stand
    finally:
        stand.services.close()
        take_back(stand.app)


def _settings(**changed: Any) -> Settings:
    return Settings(
        **{
            "database": DSN,
            "redis_url": f"redis://:{SECRET}@redis:6379/0",
            "environments": {one.name: one for one in ENVIRONMENTS},
            "default_environment": "development",
            "migrations": Path("migrations"),
            "rate": None,
            **changed,
        }
    )
