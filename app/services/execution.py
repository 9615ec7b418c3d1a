"""PlanExecutor: one attempt at one job on one target, from the lease to the end marker."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from app import failpoints
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable, BackendUnusable, LiftlockError, Refusal
from app.domain.failure import Failure
from app.domain.job import Attempt, Ended, GivenBack, Outcome, Superseded
from app.domain.pinned import Pinned
from app.domain.promotion import Surroundings
from app.domain.removed import EnvironmentRemoved
from app.domain.signals import Cancelled, ConnectionLost, Fenced, NeedsAttention, StepFailed
from app.domain.step import Atomicity, Plan, Step
from app.ports import (
    Acquired,
    Clock,
    DoneBefore,
    FenceBusy,
    Held,
    HeldElsewhere,
    JobClaims,
    Leases,
    Source,
    Targets,
    TargetSession,
)
from app.services.conflict import ConflictResolutionService
from app.services.drift import DriftRecorder
from app.services.environments import Environments
from app.services.glance import Glance
from app.services.lookout import Watch
from app.services.neighbours import Neighbours
from app.services.outcomes import (
    cancelled,
    cannot_be_reached,
    cannot_be_used,
    crashed,
    ended_badly,
    left,
    left_half_way,
    nothing_to_do,
    refused,
    released,
    stopped_half_way,
    succeeded,
    without_lease,
)
from app.services.pinning import Pinner
from app.services.planning import way_back
from app.services.policy import ExecutionPolicy
from app.services.preparation import Preparation
from app.services.progress import Progress
from app.services.stepping import Stepper
from app.services.watchdog import Watchdog


class PlanExecutor:
    def __init__(
        self,
        environments: Environments,
        source: Source,
        targets: Targets,
        leases: Leases,
        claims: JobClaims,
        conflicts: ConflictResolutionService,
        watchdog: Watchdog,
        clock: Clock,
        policy: ExecutionPolicy,
        drift: DriftRecorder,
        neighbours: Neighbours,
        preparation: Preparation,
        pinner: Pinner,
    ) -> None:
        self._pinner = pinner
        self._preparation = preparation
        self._neighbours = neighbours
        self._drift = drift
        self._environments = environments
        self._targets = targets
        self._leases = leases
        self._claims = claims
        self._conflicts = conflicts
        self._watchdog = watchdog
        self._clock = clock
        self._policy = policy
        self._glance = Glance(source, targets, neighbours)

    async def execute(self, attempt: Attempt, end: Callable[[Attempt, Outcome], Awaitable[None]]) -> Outcome:
        """Hold the lease, open the target, take its fence, look again and pin the plan, apply the steps,
        mark the end in the target, `end` the job, let the lease go. Where a glance shows that there is
        nothing to do, none of it.

        Each step is one transaction that begins with the fence check and ends with its ledger row, so that
        whoever runs this twice, or half, changes nothing twice and nothing by half.
        """
        nonce = uuid.uuid4()
        environment = self._environments.named(attempt.request.environment)
        idle = await self._glance.nothing_to_do(environment, attempt)
        if idle is not None:
            await end(attempt, idle)
            return idle
        async with self._leases.hold(environment.name, attempt, nonce) as lease:
            failpoints.reach("lease.taken")
            outcome = await self._under(lease, environment, attempt, nonce)
            await end(attempt, outcome)
            return outcome

    async def _under(
        self, lease: Held | HeldElsewhere, environment: Environment, attempt: Attempt, nonce: uuid.UUID
    ) -> Outcome:
        if isinstance(lease, HeldElsewhere):
            await self._conflicts.record_lease_held(attempt, lease)
            return GivenBack("for_target", f"job {lease.job_id} holds the lease", max(lease.ttl_ms, 1000))
        outcome = await self._with_target(environment, attempt, nonce)
        return outcome if lease.reachable else without_lease(outcome)

    async def _with_target(self, environment: Environment, attempt: Attempt, nonce: uuid.UUID) -> Outcome:
        try:
            around = await self._around(environment, attempt)
            async with (
                self._watchdog.watch(environment, attempt, nonce) as watch,
                self._targets.open(environment, attempt) as session,
            ):
                await self._release_stranded(environment, attempt)
                match await session.acquire(attempt, nonce):
                    case DoneBefore(outcome):
                        return outcome
                    case FenceBusy() as busy:
                        await self._conflicts.record_fence_busy(attempt, busy)
                        message = f"the target is held by job {busy.job_id}"
                        return GivenBack("for_target", message, self._policy.give_back_ms)
                    case Acquired(epoch):
                        return await self._holding(environment, attempt, session, watch, epoch, around)
        except BackendUnusable as error:
            return cannot_be_used(attempt, error, self._policy.give_back_ms)
        except BackendUnavailable as error:
            patient = attempt.away_ms <= self._policy.target_patience_ms
            return cannot_be_reached(attempt, error, self._policy.give_back_ms, patient=patient)
        except ConnectionLost as error:
            return GivenBack("connection_lost", error.detail, self._policy.give_back_ms)

    async def _around(self, environment: Environment, attempt: Attempt) -> Surroundings | LiftlockError:
        """What cannot be known is told when a plan is to be made of it: an earlier attempt may have pinned one."""
        try:
            around = await self._neighbours.around(environment, attempt.request)
            return replace(around, at=attempt.moment(around.at))
        except (Refusal, BackendUnavailable) as error:
            if isinstance(error, BackendUnavailable | EnvironmentRemoved) and attempt.starts == 0:
                raise
            return error

    async def _release_stranded(self, environment: Environment, attempt: Attempt) -> None:
        """Whoever holds the target has been given up by a person; looked at again here, and done twice without harm."""
        if attempt.request.stranded is not None:
            await self._conflicts.refuse_unless_stranded(attempt.request.stranded)
            await self._targets.release(environment, attempt.request.stranded, released(attempt))

    async def _holding(
        self,
        environment: Environment,
        attempt: Attempt,
        session: TargetSession,
        watch: Watch,
        epoch: int,
        around: Surroundings | LiftlockError,
    ) -> Outcome:
        """From here on the target belongs to this job until F3: whatever happens, the job is not over before it."""
        try:
            starts = await self._claims.started(attempt, epoch)
            if starts is None:
                raise Fenced(f"attempt {attempt.number} of job {attempt.job_id} is over")
            failpoints.reach("started.after")
            outcome = await self._work(environment, attempt, session, watch, starts, around)
            kept = await session.finish(outcome)
            if kept is not None:
                await self._drift.left(environment.name, attempt.job_id, kept)
        except BackendUnavailable as error:
            return GivenBack("backend_unavailable", error.detail, self._policy.give_back_ms)
        except ConnectionLost as error:
            return GivenBack("connection_lost", error.detail, self._policy.give_back_ms)
        except Fenced as error:
            await self._conflicts.record_fenced(attempt)
            return Superseded(error.detail)
        return outcome

    async def _work(
        self,
        environment: Environment,
        attempt: Attempt,
        session: TargetSession,
        watch: Watch,
        starts: int,
        around: Surroundings | LiftlockError,
    ) -> Ended:
        if starts > attempt.max_starts:
            return crashed(starts)
        try:
            bound = await self._pinner.pin(session, environment, attempt, around)
        except Refusal as refusal:
            return refused(refusal, attempt)
        pinned, steps = bound.pinned, bound.steps
        async with Progress(attempt, self._claims, self._clock) as progress:
            progress.planned(steps)
            watch.tell, watch.tell_of, watch.tell_heard = progress.say, progress.noted, progress.heard
            limits, locks = self._policy.limits_of(environment, attempt.request), self._policy.locks_of(environment)
            stepper = Stepper(session, progress, watch, self._clock, limits, locks)
            try:
                if pinned.failure is None and steps and not bound.is_begun:
                    prepared = await self._preparation.before(environment, attempt, watch, progress)
                    if isinstance(prepared, Ended):
                        return prepared
                    pinned = replace(pinned, notices=(*pinned.notices, *prepared))
                return await self._apply(environment, attempt, session, stepper, pinned, steps)
            except Cancelled as asked:
                stopped = await stepper.cancelled(asked, attempt.job_id, steps)
                if stopped is None:
                    return succeeded(attempt, steps, pinned.notices)
                return cancelled(attempt, stopped, len(steps))

    async def _apply(
        self,
        environment: Environment,
        attempt: Attempt,
        session: TargetSession,
        stepper: Stepper,
        pinned: Pinned,
        steps: tuple[Step, ...],
    ) -> Ended:
        """The steps up to the first failure; then, if that was asked, the way back."""
        if not steps:
            return nothing_to_do(attempt.request, Plan())
        failure, failed_at = pinned.failure, pinned.failed_ordinal
        if failure is None:
            failed = await self._forward(attempt, stepper, steps)
            if failed is None:
                return succeeded(attempt, steps, pinned.notices)
            failure, failed_at = failed.failure, failed.ordinal
            undo = way_back(environment, attempt.request, failed, steps[:failed_at])
            await session.record_failure(failed_at, steps[failed_at], failure, undo)
            steps = (*steps[: failed_at + 1], *undo)
        assert failed_at is not None
        return await self._back(attempt, stepper, failure, steps, failed_at)

    async def _forward(
        self, attempt: Attempt, stepper: Stepper, steps: Sequence[Step]
    ) -> StepFailed | NeedsAttention | None:
        try:
            if attempt.request.atomic is Atomicity.RUN:
                await stepper.all_at_once(steps)
            else:
                for ordinal, step in enumerate(steps):
                    await stepper.one(ordinal, step)
        except (StepFailed, NeedsAttention) as failed:
            stepper.failed(failed.ordinal, failed.failure, len(steps))
            return failed
        return None

    async def _back(
        self, attempt: Attempt, stepper: Stepper, failure: Failure, steps: tuple[Step, ...], failed_at: int
    ) -> Ended:
        undo = steps[failed_at + 1 :]
        stepper.way_back(failed_at + 1, undo)
        try:
            for ordinal, step in enumerate(undo, failed_at + 1):
                await stepper.one(ordinal, step)
        except Cancelled as asked:
            if await stepper.cancelled(asked, attempt.job_id, steps, failed_at + 1) is not None:
                return ended_badly(stopped_half_way(failure, asked.by))
        except (StepFailed, NeedsAttention) as failed:
            stepper.failed(failed.ordinal, failed.failure, len(steps))
            return ended_badly(left_half_way(failure, failed.failure))
        return ended_badly(left(failure, attempt.request.atomic, undo, failed_at))
