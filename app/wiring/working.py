"""What a worker does with a job, and what looks after it meanwhile."""

import os
import socket

from app.adapters.commands import SystemCommands
from app.adapters.control.claims import ControlClaims
from app.adapters.control.database import ControlDatabase
from app.adapters.control.locks import ControlLocks
from app.adapters.control.overview import ControlEnvironmentLog
from app.adapters.lease import RedisLeases, connect_redis
from app.adapters.target.observer import PostgresObservers
from app.portal import Portal
from app.ports import Limits
from app.services.chores import Chores
from app.services.comparing import Comparer
from app.services.convoys import ConvoyLeader
from app.services.execution import PlanExecutor
from app.services.lookout import Lookout
from app.services.overview import Overview
from app.services.pinning import Pinner
from app.services.policy import ExecutionPolicy
from app.services.preparation import Preparation
from app.services.proof_desk import Leftovers
from app.services.proving import Prover, ProvingPolicy
from app.services.reconciling import Reconciler
from app.services.registry import EnvironmentRegistry
from app.services.roll_call import RollCall
from app.services.runner import MigrationRunnerService
from app.services.stepping import LockPolicy
from app.services.sync_desk import SyncDesk
from app.services.watchdog import Watchdog
from app.services.watching import DivergenceWatch
from app.settings import Settings, Timing
from app.wiring.shared import Rooms


def runner_of(
    settings: Settings, rooms: Rooms, watchdog: Watchdog, desk: SyncDesk, registry: EnvironmentRegistry
) -> MigrationRunnerService:
    """The worker's entry, with everything that a job may ask of it."""
    executor = PlanExecutor(
        rooms.environments,
        rooms.source,
        rooms.targets,
        rooms.leases,
        rooms.claims,
        rooms.conflicts,
        watchdog,
        rooms.clock,
        _policy(settings),
        rooms.drift,
        rooms.neighbours,
        Preparation(SystemCommands(settings.environ), rooms.clock),
        Pinner(rooms.source, rooms.gate, rooms.conflicts, rooms.drift, rooms.proofs, rooms.approvals),
    )
    chores = Chores(
        rooms.claims,
        rooms.sweep,
        rooms.doorbell,
        rooms.environments,
        rooms.drift,
        _prover(settings, rooms, watchdog),
        Leftovers(rooms.environments, rooms.scratches, rooms.board),
        rooms.shelf,
        desk,
        Reconciler(rooms.board, rooms.targets, rooms.conflicts),
        DivergenceWatch(rooms.environments, _comparer(rooms), rooms.conflicts),
    )
    return MigrationRunnerService(
        executor,
        rooms.claims,
        rooms.sweep,
        rooms.doorbell,
        rooms.conflicts,
        chores,
        rooms.clock,
        rooms.environments,
        rooms.validation,
        registry,
        ConvoyLeader(
            rooms.convoys,
            rooms.claims,
            rooms.board,
            rooms.wishes,
            rooms.sweep,
            rooms.doorbell,
            rooms.clock,
            _roll_call(rooms),
            look_again_ms=3 * settings.timing.sweep_every_ms,
        ),
        rooms.approvals,
        worker=f"{socket.gethostname()}:{os.getpid()}",
        lease_ttl_ms=settings.timing.lease_ttl_ms,
    )


def _roll_call(rooms: Rooms) -> RollCall:
    return RollCall(
        rooms.environments, rooms.source, rooms.targets, rooms.schemas, rooms.board, rooms.neighbours, rooms.fitness
    )


def _comparer(rooms: Rooms) -> Comparer:
    overview = Overview(rooms.source, rooms.targets, ControlEnvironmentLog(rooms.database), rooms.clock)
    return Comparer(overview, rooms.schemas)


def _prover(settings: Settings, rooms: Rooms, watchdog: Watchdog) -> Prover:
    return Prover(
        rooms.environments,
        rooms.source,
        rooms.targets,
        rooms.schemas,
        rooms.scratches,
        rooms.proofs,
        rooms.claims,
        watchdog,
        rooms.clock,
        ProvingPolicy(limits_of(settings.timing), settings.timing.verify_timeout_ms),
    )


def watchdog_of(settings: Settings, portal: Portal) -> Watchdog:
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


def _policy(settings: Settings) -> ExecutionPolicy:
    timing = settings.timing
    return ExecutionPolicy(
        limits=limits_of(timing),
        locks=LockPolicy(settings.lock_tries, timing.lock_retry_base_ms, timing.lock_retry_cap_ms),
        give_back_ms=timing.give_back_ms,
        target_patience_ms=timing.target_patience_ms,
    )


def limits_of(timing: Timing) -> Limits:
    return Limits(
        timing.lock_timeout_ms,
        timing.data_lock_timeout_ms,
        timing.statement_timeout_ms,
        timing.idle_timeout_ms,
        timing.alone_lock_timeout_ms,
        timing.alone_statement_timeout_ms,
    )
