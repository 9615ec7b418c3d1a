"""What several services stand on: adapters, and the services that others call. No IO happens here."""

from dataclasses import dataclass

from app.adapters.clock import SystemClock
from app.adapters.control.announcements import Announcements
from app.adapters.control.approvals import ControlApprovals
from app.adapters.control.claims import ControlClaims
from app.adapters.control.conflicts import ControlConflicts
from app.adapters.control.convoys import ControlConvoys
from app.adapters.control.database import ControlDatabase
from app.adapters.control.drift import ControlDrift
from app.adapters.control.jobs import ControlJobs
from app.adapters.control.proofs import ControlProofs
from app.adapters.control.sweep import ControlSweep
from app.adapters.control.wishes import ControlWishes
from app.adapters.lease import RedisLeases, connect_redis
from app.adapters.lint import SquawkLinter
from app.adapters.queue import CeleryDoorbell
from app.adapters.scratch.databases import PostgresScratches
from app.adapters.scratch.dump import PgDump
from app.adapters.sources.drafts import FolderDrafts
from app.adapters.sources.folder import FolderSource
from app.adapters.target.connection import Patience
from app.adapters.target.fitness import PostgresFitness
from app.adapters.target.preserve.shelf import PostgresPreservedRows
from app.adapters.target.schemas import PostgresSchemas
from app.adapters.target.survey import PostgresSurveys
from app.adapters.target.targets import PostgresTargets
from app.domain.hiding import secrets_of
from app.domain.preserved import Retention
from app.portal import Portal
from app.ports import Clock
from app.services.approving import ApprovalDesk
from app.services.conflict import ConflictResolutionService
from app.services.drift import DriftRecorder
from app.services.environments import Environments
from app.services.fan_out import FanOut
from app.services.fitness import FitnessCheck
from app.services.gate import HazardGate
from app.services.neighbours import Neighbours
from app.services.preserved import PreservedShelf
from app.services.submission import Submission
from app.services.validation import SchemaValidationService
from app.services.withdrawing import Withdrawals
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Rooms:
    """One of each for a process."""

    database: ControlDatabase
    clock: Clock
    environments: Environments
    board: ControlJobs
    claims: ControlClaims
    sweep: ControlSweep
    doorbell: CeleryDoorbell
    leases: RedisLeases
    targets: PostgresTargets
    source: FolderSource
    schemas: PostgresSchemas
    surveys: PostgresSurveys
    proofs: ControlProofs
    scratches: PostgresScratches
    conflicts: ConflictResolutionService
    gate: HazardGate
    drift: DriftRecorder
    shelf: PreservedShelf
    validation: SchemaValidationService
    neighbours: Neighbours
    approvals: ApprovalDesk
    withdrawals: Withdrawals
    submission: Submission
    wishes: ControlWishes
    convoys: ControlConvoys
    fan_out: FanOut
    fitness: FitnessCheck


def rooms_of(settings: Settings, portal: Portal) -> Rooms:
    timing, clock = settings.timing, SystemClock()
    database, announcements = ControlDatabase(settings.database), Announcements(settings.database)
    board, sweep = ControlJobs(database, announcements), ControlSweep(database)
    log = ControlConflicts(database)
    conflicts = ConflictResolutionService(log, log, board)
    doorbell = CeleryDoorbell(settings.redis_url)
    leases = RedisLeases(connect_redis(settings.redis_url), timing.lease_ttl_ms)
    patience = Patience(timing.fence_timeout_ms, timing.idle_timeout_ms, settings.keep_bytes)
    targets = PostgresTargets(patience, secrets_of(settings.environ, settings.environments.values()))
    source = FolderSource(settings.migrations, settings.max_file_bytes)
    environments = Environments(dict(settings.environments), settings.default_environment)
    schemas, proofs = PostgresSchemas(), ControlProofs(database)
    surveys = PostgresSurveys()
    gate = HazardGate(schemas, SquawkLinter(), surveys, settings.keep_bytes)
    validation = SchemaValidationService(source, targets, conflicts, gate)
    neighbours = Neighbours(environments, targets, clock)
    fitness = FitnessCheck(PostgresFitness())
    withdrawals = Withdrawals(FolderDrafts(settings.migrations))
    approvals = ApprovalDesk(
        environments,
        ControlApprovals(database),
        board,
        schemas,
        doorbell,
        clock,
        withdrawals,
        read_only=settings.read_only,
    )
    submission = Submission(
        environments,
        validation,
        gate,
        board,
        sweep,
        doorbell,
        clock,
        proofs,
        neighbours,
        approvals,
        shortcut=settings.shortcut,
        read_only=settings.read_only,
    )
    for close in (announcements.close, targets.close, leases.close, database.close, doorbell.close):
        portal.on_close(close)
    return Rooms(
        database=database,
        clock=clock,
        environments=environments,
        board=board,
        claims=ControlClaims(database),
        sweep=sweep,
        doorbell=doorbell,
        leases=leases,
        targets=targets,
        source=source,
        schemas=schemas,
        surveys=surveys,
        proofs=proofs,
        scratches=PostgresScratches(PgDump()),
        conflicts=conflicts,
        gate=gate,
        drift=DriftRecorder(schemas, ControlDrift(database), conflicts),
        shelf=PreservedShelf(environments, PostgresPreservedRows(), Retention(settings.keep_days)),
        validation=validation,
        neighbours=neighbours,
        approvals=approvals,
        withdrawals=withdrawals,
        submission=submission,
        wishes=ControlWishes(database),
        convoys=ControlConvoys(database),
        fan_out=FanOut(environments, submission, board, fitness),
        fitness=fitness,
    )
