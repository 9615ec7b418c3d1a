"""Where the rooms meet: every service of a process, built by plain constructor calls. No IO happens here."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from app import failpoints
from app.adapters.control.census import ControlMuster
from app.adapters.control.database import ControlDatabase
from app.adapters.control.events import ControlEvents
from app.adapters.control.feed import ControlFeed
from app.adapters.control.idempotency import ControlIdempotencyKeys
from app.adapters.control.locks import ControlLocks
from app.adapters.control.overview import ControlEnvironmentLog
from app.adapters.control.plans import ControlPlans
from app.adapters.control.registry import ControlRegistry
from app.adapters.control.removed import ControlFileRecord
from app.adapters.control.schedules import ControlSchedules
from app.adapters.control.sessions import ControlSessions
from app.adapters.control.sweep import ControlSweep
from app.adapters.control.tokens import ControlTokens
from app.adapters.control.trail import ControlTrail
from app.adapters.health import BackendHealth
from app.adapters.queue import CeleryDoorbell
from app.adapters.sources.drafts import FolderDrafts
from app.adapters.sources.folder import FolderSource
from app.adapters.target.connection import Patience
from app.adapters.target.ownership import PostgresOwnership
from app.adapters.target.preserve.shelf import PostgresPreservedRows
from app.adapters.target.targets import PostgresTargets
from app.domain.oidc import Oidc
from app.portal import Portal
from app.ports import Clock, EventFeed, EventLog, IdempotencyKeys, JobBoard
from app.registry.reading import DocumentReader
from app.services.access import Authenticator
from app.services.allowance import Allowance
from app.services.approving import ApprovalDesk
from app.services.comparing import Comparer
from app.services.conflict import ConflictResolutionService
from app.services.drift_desk import DriftDesk
from app.services.environments import Environments
from app.services.history import HistoryService
from app.services.identity import IdentityDesk
from app.services.install import ControlInstaller
from app.services.measuring import MeasuringService
from app.services.migration import MigrationService
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
from app.services.sync import EnvironmentSyncService
from app.services.sync_desk import SyncDesk
from app.services.token_desk import TokenDesk
from app.services.trail import AuditTrail
from app.services.tries import FailedTries
from app.services.unlocking import ProtectionDesk
from app.services.validation import SchemaValidationService
from app.services.webhook_desk import WebhookDesk
from app.settings import Settings
from app.wiring.shared import Rooms, rooms_of
from app.wiring.telling import notifier_of, webhook_desk_of
from app.wiring.working import limits_of, runner_of, watchdog_of

CONTROL_MIGRATIONS = Path(__file__).resolve().parent.parent.parent / "migrations" / "control"


@dataclass(frozen=True, slots=True)
class Services:
    """The six services of the product, and what their callers need beside them.

    Everything async runs on `portal`, but for the sweeper, which has `sweeper_portal` to itself.
    """

    settings: Settings
    portal: Portal
    sweeper_portal: Portal
    environments: Environments
    migrations: MigrationService
    rollbacks: RollbackService
    plans: PlanService
    plan_desk: PlanDesk
    validation: SchemaValidationService
    sync: EnvironmentSyncService
    syncs: SyncDesk
    approvals: ApprovalDesk
    protection: ProtectionDesk
    registry: EnvironmentRegistry
    removed: RemovedEnvironments
    conflicts: ConflictResolutionService
    drift: DriftDesk
    preserved: PreservedShelf
    retrievals: RetrievalService
    proofs: ProofDesk
    resolver: ConflictResolver
    schedules: ScheduleService
    authenticator: Authenticator
    identity: IdentityDesk | None
    allowance: Allowance | None
    webhooks: WebhookDesk
    notifier: Notifier
    sessions: SessionDesk
    tokens: TokenDesk
    trail: AuditTrail
    runner: MigrationRunnerService
    sweeper: Sweeper
    installer: ControlInstaller
    auto_run: AutoRun
    measuring: MeasuringService
    board: JobBoard
    history: HistoryService
    events: EventLog
    feed: EventFeed
    idempotency: IdempotencyKeys
    health: BackendHealth
    watchdog_portal: Portal

    def close(self) -> None:
        for portal in (self.watchdog_portal, self.sweeper_portal, self.portal):
            portal.close()


def build(settings: Settings) -> Services:
    """One set of services for this process. Clients connect on first use, on the loop of their portal."""
    failpoints.arm(settings.failpoints, settings.failpoints_folder)
    portal, watchdog_portal, sweeper_portal = Portal("liftlock"), Portal("watchdog"), Portal("sweeper")
    rooms = rooms_of(settings, portal)
    database, board, clock = rooms.database, rooms.board, rooms.clock
    environments, validation, submission = rooms.environments, rooms.validation, rooms.submission
    locks = ControlLocks(database)
    migrations = MigrationService(
        rooms.fan_out, submission, board, rooms.convoys, rooms.wishes, locks, rooms.withdrawals, environments
    )
    schedules = ScheduleService(
        ControlSchedules(database), environments, submission, board, rooms.sweep, rooms.doorbell, clock
    )
    removed = RemovedEnvironments(environments, ControlFileRecord(database), board, migrations)
    registry = EnvironmentRegistry(
        environments,
        ControlRegistry(database),
        DocumentReader(settings.environ),
        board,
        rooms.targets,
        submission,
        schedules,
        removed,
        rooms.approvals,
    )
    desk, plans = _desk(settings, rooms), _plans(rooms)
    plan_desk = PlanDesk(environments, plans)
    sync_desk = SyncDesk(environments, rooms.fan_out, plan_desk, board)
    tokens, events = ControlTokens(database), ControlEvents(database)
    sync, tries = _sync(rooms), FailedTries(clock)
    installer = _installer(settings, rooms.targets, clock)
    trail, authenticator = ControlTrail(database), Authenticator(tokens, clock, tries, settings.admin_token)
    return Services(
        settings=settings,
        portal=portal,
        sweeper_portal=sweeper_portal,
        watchdog_portal=watchdog_portal,
        environments=environments,
        migrations=migrations,
        rollbacks=RollbackService(rooms.fan_out),
        plans=plans,
        plan_desk=plan_desk,
        validation=validation,
        sync=sync,
        syncs=sync_desk,
        approvals=rooms.approvals,
        protection=_protection(settings, rooms),
        conflicts=rooms.conflicts,
        drift=desk,
        preserved=rooms.shelf,
        retrievals=RetrievalService(environments, PostgresPreservedRows(), submission, clock),
        proofs=ProofDesk(environments, validation, submission, board, clock),
        resolver=ConflictResolver(
            environments, rooms.conflicts, validation, submission, board, rooms.doorbell, desk, clock
        ),
        schedules=schedules,
        registry=registry,
        removed=removed,
        authenticator=authenticator,
        identity=None if settings.oidc is None else _identity(settings.oidc, tries),
        allowance=None if settings.rate is None else Allowance(clock, settings.rate),
        webhooks=webhook_desk_of(settings, rooms),
        notifier=notifier_of(settings, sweeper_portal, environments, clock),
        sessions=SessionDesk(ControlSessions(database), authenticator, trail, clock, _new_secret),
        tokens=TokenDesk(tokens, environments, clock, _new_secret, read_only=settings.read_only),
        trail=AuditTrail(trail, clock),
        runner=runner_of(settings, rooms, watchdog_of(settings, watchdog_portal), sync_desk, registry),
        sweeper=_sweeper(settings, sweeper_portal, rooms.doorbell),
        installer=installer,
        auto_run=AutoRun(migrations, validation),
        measuring=MeasuringService(ControlMuster(database), sync, clock),
        board=board,
        history=HistoryService(environments, rooms.targets, board),
        events=events,
        feed=_feed(settings, portal, events),
        idempotency=ControlIdempotencyKeys(database),
        health=BackendHealth(database, settings.redis_url, installer.is_complete),
    )


def _feed(settings: Settings, portal: Portal, events: ControlEvents) -> ControlFeed:
    feed = ControlFeed(settings.database, events)
    portal.on_close(feed.close)
    return feed


def _new_secret() -> str:
    """256 bits."""
    return secrets.token_hex(32)


def _desk(settings: Settings, rooms: Rooms) -> DriftDesk:
    return DriftDesk(
        rooms.environments,
        rooms.schemas,
        rooms.drift,
        rooms.source,
        rooms.targets,
        FolderDrafts(settings.migrations),
        rooms.submission,
        rooms.board,
        rooms.clock,
    )


def _sync(rooms: Rooms) -> EnvironmentSyncService:
    overview = Overview(rooms.source, rooms.targets, ControlEnvironmentLog(rooms.database), rooms.clock)
    return EnvironmentSyncService(
        rooms.environments, overview, Comparer(overview, rooms.schemas), rooms.proofs, rooms.gate
    )


def _protection(settings: Settings, rooms: Rooms) -> ProtectionDesk:
    patience = Patience(settings.timing.fence_timeout_ms, settings.timing.idle_timeout_ms, settings.keep_bytes)
    ownership = PostgresOwnership(patience)
    return ProtectionDesk(rooms.environments, rooms.targets, ownership, ControlTrail(rooms.database), rooms.submission)


def _plans(rooms: Rooms) -> PlanService:
    return PlanService(
        rooms.environments,
        rooms.source,
        rooms.targets,
        rooms.schemas,
        rooms.surveys,
        rooms.gate,
        rooms.board,
        ControlPlans(rooms.database),
        rooms.proofs,
        rooms.drift,
        rooms.clock,
        rooms.neighbours,
    )


def _sweeper(settings: Settings, portal: Portal, doorbell: CeleryDoorbell) -> Sweeper:
    database = ControlDatabase(settings.database, pool_size=1)
    portal.on_close(database.close)
    return Sweeper(ControlSweep(database), doorbell)


def _identity(oidc: Oidc, tries: FailedTries) -> IdentityDesk:
    """What verifies its tokens is loaded where there is a provider."""
    from app.adapters.identity import JwksIdentity

    return IdentityDesk(oidc, JwksIdentity(oidc), tries)


def _installer(settings: Settings, targets: PostgresTargets, clock: Clock) -> ControlInstaller:
    source = FolderSource(CONTROL_MIGRATIONS, settings.max_file_bytes)
    return ControlInstaller(settings.database, source, targets, clock, limits_of(settings.timing))
