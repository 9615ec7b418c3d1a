"""Where the rooms meet: every service of a process, built by plain constructor calls. No IO happens here."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from app import failpoints
from app.adapters.clock import SystemClock
from app.adapters.control.announcements import Announcements
from app.adapters.control.claims import ControlClaims
from app.adapters.control.conflicts import ControlConflicts
from app.adapters.control.database import ControlDatabase
from app.adapters.control.drift import ControlDrift
from app.adapters.control.idempotency import ControlIdempotencyKeys
from app.adapters.control.jobs import ControlJobs
from app.adapters.control.locks import ControlLocks
from app.adapters.control.plans import ControlPlans
from app.adapters.control.proofs import ControlProofs
from app.adapters.control.schedules import ControlSchedules
from app.adapters.control.sweep import ControlSweep
from app.adapters.control.wishes import ControlWishes
from app.adapters.health import BackendHealth
from app.adapters.lease import RedisLeases, connect_redis
from app.adapters.lint import SquawkLinter
from app.adapters.queue import CeleryDoorbell
from app.adapters.scratch.databases import PostgresScratches
from app.adapters.scratch.dump import PgDump
from app.adapters.sources.drafts import FolderDrafts
from app.adapters.sources.folder import FolderSource
from app.adapters.target.connection import Patience
from app.adapters.target.observer import PostgresObservers
from app.adapters.target.schemas import PostgresSchemas
from app.adapters.target.survey import PostgresSurveys
from app.adapters.target.targets import PostgresTargets
from app.portal import Portal
from app.ports import Clock, IdempotencyKeys, JobBoard, Limits
from app.services.chores import Chores
from app.services.conflict import ConflictResolutionService
from app.services.drift import DriftRecorder
from app.services.drift_desk import DriftDesk
from app.services.execution import ExecutionPolicy, PlanExecutor
from app.services.gate import HazardGate
from app.services.install import ControlInstaller
from app.services.lookout import Lookout
from app.services.migration import MigrationService
from app.services.plans import PlanService
from app.services.proof_desk import Leftovers, ProofDesk
from app.services.proving import Prover, ProvingPolicy
from app.services.resolving import ConflictResolver
from app.services.rollback import RollbackService
from app.services.runner import AutoRun, MigrationRunnerService, Sweeper
from app.services.schedule import ScheduleService
from app.services.stepping import LockPolicy
from app.services.submission import Environments, Submission
from app.services.sync import EnvironmentSyncService
from app.services.validation import SchemaValidationService
from app.services.watchdog import Watchdog
from app.settings import Settings, Timing

CONTROL_MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations" / "control"


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
    validation: SchemaValidationService
    sync: EnvironmentSyncService
    conflicts: ConflictResolutionService
    drift: DriftDesk
    proofs: ProofDesk
    resolver: ConflictResolver
    schedules: ScheduleService
    runner: MigrationRunnerService
    sweeper: Sweeper
    installer: ControlInstaller
    auto_run: AutoRun
    board: JobBoard
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
    timing, clock = settings.timing, SystemClock()
    worker = f"{socket.gethostname()}:{os.getpid()}"

    database = ControlDatabase(settings.database)
    announcements = Announcements(settings.database)
    board, claims, sweep = ControlJobs(database, announcements), ControlClaims(database), ControlSweep(database)
    log = ControlConflicts(database)
    conflicts = ConflictResolutionService(log, log, board)
    doorbell = CeleryDoorbell(settings.redis_url)
    leases = RedisLeases(connect_redis(settings.redis_url), timing.lease_ttl_ms)
    targets = PostgresTargets(Patience(timing.fence_timeout_ms, timing.idle_timeout_ms))
    source = FolderSource(settings.migrations, settings.max_file_bytes)
    environments = Environments(dict(settings.environments), settings.default_environment)

    schemas, proofs, scratches = PostgresSchemas(), ControlProofs(database), PostgresScratches(PgDump())
    gate = HazardGate(schemas, SquawkLinter())
    drift = DriftRecorder(schemas, ControlDrift(database), conflicts)
    validation = SchemaValidationService(source, targets, conflicts, gate)
    submission = Submission(
        environments,
        validation,
        gate,
        board,
        sweep,
        doorbell,
        clock,
        proofs,
        shortcut=settings.shortcut,
        read_only=settings.read_only,
    )
    plans = PlanService(
        environments, source, targets, schemas, PostgresSurveys(), gate, board, ControlPlans(database), proofs, clock
    )
    migrations = MigrationService(submission, board, ControlWishes(database), ControlLocks(database))
    watchdog = _watchdog(settings, watchdog_portal)
    executor = PlanExecutor(
        environments,
        source,
        targets,
        leases,
        claims,
        conflicts,
        watchdog,
        gate,
        clock,
        _policy(settings),
        drift,
        proofs,
    )
    proving = ProvingPolicy(_limits(timing), timing.verify_timeout_ms)
    prover = Prover(environments, source, targets, schemas, scratches, proofs, claims, watchdog, clock, proving)
    desk = DriftDesk(environments, schemas, drift, source, FolderDrafts(settings.migrations), submission, board, clock)
    for close in (announcements.close, targets.close, leases.close, database.close, doorbell.close):
        portal.on_close(close)
    return Services(
        settings=settings,
        portal=portal,
        sweeper_portal=sweeper_portal,
        watchdog_portal=watchdog_portal,
        environments=environments,
        migrations=migrations,
        rollbacks=RollbackService(submission),
        plans=plans,
        validation=validation,
        sync=EnvironmentSyncService(environments, validation, proofs),
        conflicts=conflicts,
        drift=desk,
        proofs=ProofDesk(environments, validation, submission, board, clock),
        resolver=ConflictResolver(environments, conflicts, validation, submission, board, doorbell, desk, clock),
        schedules=ScheduleService(ControlSchedules(database), submission, board, sweep, doorbell, clock),
        runner=MigrationRunnerService(
            executor,
            claims,
            sweep,
            doorbell,
            conflicts,
            Chores(claims, sweep, doorbell, environments, drift, prover, Leftovers(environments, scratches, board)),
            clock,
            environments,
            validation,
            worker=worker,
            lease_ttl_ms=timing.lease_ttl_ms,
        ),
        sweeper=_sweeper(settings, sweeper_portal, doorbell),
        installer=_installer(settings, targets, clock),
        auto_run=AutoRun(migrations, validation),
        board=board,
        idempotency=ControlIdempotencyKeys(database),
        health=BackendHealth(database, settings.redis_url),
    )


def _watchdog(settings: Settings, portal: Portal) -> Watchdog:
    """With clients of its own: they belong to its loop."""
    # one connection for the beat, which must never be late, and one for the lookout
    database = ControlDatabase(settings.database, pool_size=2)
    leases = RedisLeases(connect_redis(settings.redis_url), settings.timing.lease_ttl_ms)
    portal.on_close(leases.close)
    portal.on_close(database.close)
    claims = ControlClaims(database)
    return Watchdog(
        portal,
        leases,
        claims,
        Lookout(claims, ControlLocks(database), PostgresObservers(), every_ms=settings.timing.look_every_ms),
        ttl_ms=settings.timing.lease_ttl_ms,
        every_ms=settings.timing.beat_every_ms,
    )


def _sweeper(settings: Settings, portal: Portal, doorbell: CeleryDoorbell) -> Sweeper:
    database = ControlDatabase(settings.database, pool_size=1)
    portal.on_close(database.close)
    return Sweeper(ControlSweep(database), doorbell)


def _installer(settings: Settings, targets: PostgresTargets, clock: Clock) -> ControlInstaller:
    source = FolderSource(CONTROL_MIGRATIONS, settings.max_file_bytes)
    return ControlInstaller(settings.database, source, targets, clock, _limits(settings.timing))


def _policy(settings: Settings) -> ExecutionPolicy:
    timing = settings.timing
    return ExecutionPolicy(
        limits=_limits(timing),
        locks=LockPolicy(settings.lock_tries, timing.lock_retry_base_ms, timing.lock_retry_cap_ms),
        give_back_ms=timing.give_back_ms,
        target_patience_ms=timing.target_patience_ms,
    )


def _limits(timing: Timing) -> Limits:
    return Limits(
        timing.lock_timeout_ms,
        timing.data_lock_timeout_ms,
        timing.statement_timeout_ms,
        timing.idle_timeout_ms,
        timing.alone_lock_timeout_ms,
        timing.alone_statement_timeout_ms,
    )
