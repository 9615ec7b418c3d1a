"""MigrationRunnerService: gets jobs run — the one it is handed, the ones nobody looks after, the first one."""

import hashlib

import structlog

from app import failpoints, measures, tracing
from app.domain.claim import ClaimRefused
from app.domain.environment import Environment, whole_of
from app.domain.errors import BackendUnavailable, Refusal
from app.domain.failure import Failure, FailureCode
from app.domain.job import (
    CONTROL,
    NOT_HERE,
    Attempt,
    Ended,
    GivenBack,
    JobId,
    JobKind,
    JobRequest,
    JobState,
    Origin,
    Outcome,
    Superseded,
)
from app.domain.principal import Principal
from app.domain.removed import EnvironmentRemoved
from app.ports import Clock, Doorbell, JobClaims, JobSweep
from app.services.approving import ApprovalDesk
from app.services.chores import Chores
from app.services.conflict import ConflictResolutionService
from app.services.convoys import ConvoyLeader
from app.services.environments import Environments
from app.services.execution import PlanExecutor
from app.services.migration import MigrationService
from app.services.registry import EnvironmentRegistry
from app.services.submission import Dedupe
from app.services.validation import SchemaValidationService

SWEEP_LIMIT = 100
CRASH_PAUSE_MS = 5_000
LONGEST_PAUSE_MS = 900_000
AUTO_RUN_WINDOW_S = 60

log = structlog.get_logger()


class MigrationRunnerService:
    def __init__(
        self,
        executor: PlanExecutor,
        claims: JobClaims,
        sweep: JobSweep,
        doorbell: Doorbell,
        conflicts: ConflictResolutionService,
        chores: Chores,
        clock: Clock,
        environments: Environments,
        validation: SchemaValidationService,
        registry: EnvironmentRegistry,
        leader: ConvoyLeader,
        approvals: ApprovalDesk,
        *,
        worker: str,
        lease_ttl_ms: int,
    ) -> None:
        self._executor = executor
        self._claims = claims
        self._sweep = sweep
        self._doorbell = doorbell
        self._conflicts = conflicts
        self._chores = chores
        self._clock = clock
        self._environments = environments
        self._validation = validation
        self._registry = registry
        self._leader = leader
        self._approvals = approvals
        self._worker = worker
        self._lease_ttl_ms = lease_ttl_ms

    async def perform(self, job_id: JobId) -> None:
        """Claim the job, carry it out, say how it ended, wake the next one.

        A job that is not ours to take is put on record as a collision, and left to whoever has it. Raises
        BackendUnavailable when the control database goes away: the job is left as it stands, and found again.
        """
        try:
            await self._perform(job_id)
        except BackendUnavailable as error:
            log.warning("job.left", job=str(job_id), why=error.detail)
            raise

    async def _perform(self, job_id: JobId) -> None:
        failpoints.reach("claim.before")
        claimed = await self._claims.claim(job_id, self._worker, self._lease_ttl_ms)
        if isinstance(claimed, ClaimRefused):
            log.info("job.not_taken", job=str(job_id), why=claimed.why.value)
            await self._conflicts.record_refused_claim(claimed, self._worker)
            return
        failpoints.reach("claim.after")
        if not self._environments.stand_in_file(claimed.request.environment, claimed.request.source):
            # what is registered may have changed a moment ago, in another process
            await self._registry.refresh()
        about = {"job": str(job_id), "environment": claimed.request.environment, "request_id": claimed.request_id}
        named: tracing.Attributes = {"liftlock.job": str(job_id), "liftlock.environment": _place(claimed)}
        span = tracing.span(f"job {claimed.request.kind}", claimed.traceparent, named)
        with structlog.contextvars.bound_contextvars(**about), span:
            if not await self._sent_back(claimed):
                await self._work(claimed)

    async def _sent_back(self, attempt: Attempt) -> bool:
        """Whether it waits for approval again: its environment has come to ask for more before it had begun."""
        if attempt.request.convoy is not None and await self._leader.has_begun(attempt):
            return False
        sent_back = await self._approvals.sent_back(attempt)
        if sent_back:
            log.info("job.sent_back", attempt=attempt.number, why="approvals")
            await self._wake_next(attempt.request.queue)
        return sent_back

    async def _work(self, attempt: Attempt) -> None:
        """Every line of the log meanwhile names the job, its target and the request that asked for it."""
        log.info("job.started", attempt=attempt.number, kind=attempt.request.kind.value)
        began = self._clock.now()
        outcome = await self._carry_out(attempt)
        if isinstance(outcome, Ended):
            passed_s = (self._clock.now() - began).total_seconds()
            measures.job_ended(_place(attempt), attempt.request.kind.value, outcome.state.value, passed_s)
            await self._wake_next(attempt.request.queue)
            if attempt.request.parent is not None:
                await self._leader.ring(JobId(attempt.request.parent))
            await self._tidy_up(attempt, outcome)

    async def _carry_out(self, attempt: Attempt) -> Outcome:
        try:
            if attempt.contended:
                waited_ms = (self._clock.now() - attempt.queued_since).total_seconds() * 1000
                await self._conflicts.settle_contention(attempt.job_id, round(waited_ms))
            if attempt.request.convoy is not None:
                return await self._lead(attempt)
            self._environments.refuse_removed(attempt.request.environment)
            if attempt.request.kind.writes_target:
                return await self._executor.execute(attempt, self._end)
            outcome = await self._chores.carry_out(attempt)
        except Refusal as refusal:
            outcome = self._refused_outright(attempt, refusal)
        except Exception as error:
            # a bug of ours: the job goes back, a bounded number of times, and the bug is not swallowed
            message = f"{type(error).__name__} in the worker; see its log"
            await self._end(attempt, GivenBack("crashed", message, CRASH_PAUSE_MS))
            raise
        await self._end(attempt, outcome)
        return outcome

    def _refused_outright(self, attempt: Attempt, refusal: Refusal) -> Outcome:
        """Its environment is gone from the configuration. A job that has started may hold a target: it waits.

        Where another process has had it in its file, or this one before, it waits for such a process, and so it does
        where it is registered and cannot be read here: nothing is lost by a start with a wrong file. The longer it
        lasts, the more seldom it looks; who has it wakes it at its start.
        """
        waited_ms = round((self._clock.now() - attempt.queued_since).total_seconds() * 1000)
        if isinstance(refusal, EnvironmentRemoved):
            who = refusal.facts["environment"]
            return _not_here(attempt, f"{who} is not, or no longer, in the liftlock.toml of", waited_ms)
        if whole_of(attempt.request.environment) in self._environments.unread:
            return _not_here(attempt, f"{attempt.request.environment} is registered, and cannot be read by", waited_ms)
        if attempt.starts > 0:
            return GivenBack(refusal.slug.replace("-", "_"), refusal.detail, CRASH_PAUSE_MS)
        failure = Failure(
            code=FailureCode.REFUSED,
            message=refusal.detail,
            left_behind="nothing: it never began",
            next_steps=refusal.next_steps,
        )
        return Ended(JobState.FAILED, refusal.slug.replace("-", "_"), refusal.detail, failure)

    async def _lead(self, attempt: Attempt) -> Outcome:
        """Rung for only when the whole is given back: its job may have ended before it could be taken up again."""
        outcome, following = await self._leader.advance(attempt)
        await self._end(attempt, outcome)
        if following is not None:
            await self._leader.ring(following)
        if isinstance(outcome, GivenBack) and await self._leader.has_moved(attempt):
            await self._leader.ring(attempt.job_id)
        return outcome

    async def _end(self, attempt: Attempt, outcome: Outcome) -> None:
        if isinstance(outcome, Superseded):
            measures.attempt_fenced()
            log.warning("job.superseded", job=str(attempt.job_id), attempt=attempt.number, why=outcome.message)
            return
        if isinstance(outcome, Ended) and outcome.state is JobState.SUCCEEDED:
            # before the job's end: who dies between the two is followed by one who says it again
            await self._conflicts.close_done(attempt)
        failpoints.reach("end.before")
        kept = await self._claims.end(attempt, outcome)
        failpoints.reach("end.after")
        state = outcome.state.value if isinstance(outcome, Ended) else "given_back"
        log.info(
            "job.ended" if kept else "job.ended_elsewhere",
            job=str(attempt.job_id),
            attempt=attempt.number,
            state=state,
            reason=outcome.reason,
        )

    async def _tidy_up(self, attempt: Attempt, outcome: Ended) -> None:
        """The job is over and its target free; nobody waits for this, and the next request would do it too."""
        idle = attempt.request.convoy is not None or outcome.reason == "nothing_to_do"
        if idle or not attempt.request.kind.writes_target:
            return
        try:
            await self._validation.after_a_job(self._environments.named(attempt.request.environment))
        except (BackendUnavailable, Refusal) as error:
            log.warning("conflicts.not_closed", environment=attempt.request.environment, why=error.detail)

    async def _wake_next(self, queue: str) -> None:
        failpoints.reach("wake.before")
        following = await self._sweep.next_on(queue)
        failpoints.reach("wake.before_ring")
        if following is not None and not await self._doorbell.ring(following):
            await self._sweep.unrung(following)


def _place(attempt: Attempt) -> str:
    """Of what concerns no environment, or all of them, the whole is the place."""
    return "all" if attempt.request.environment == CONTROL else attempt.request.environment


def _not_here(attempt: Attempt, why: str, waited_ms: int) -> Ended | GivenBack:
    """What a schedule brings is asked for again by the next tick."""
    said = f"{why} the worker that has looked"
    if attempt.request.kind is JobKind.FOLLOW:
        return Ended(JobState.SUCCEEDED, "nothing_to_do", f"{said}: nothing is brought there")
    pause_ms = min(max(waited_ms, CRASH_PAUSE_MS), LONGEST_PAUSE_MS)
    return GivenBack(NOT_HERE, f"{said}; it waits for one that has it", pause_ms)


class Sweeper:
    """Re-publishes jobs that are due and returns jobs whose worker is gone; in every process, no leader."""

    def __init__(self, sweep: JobSweep, doorbell: Doorbell) -> None:
        self._sweep = sweep
        self._doorbell = doorbell

    async def sweep(self) -> None:
        """Raises BackendUnavailable; the next sweep tries again."""
        failpoints.reach("sweep.before_rescue")
        await self._sweep.wake(SWEEP_LIMIT)
        for job_id in await self._sweep.rescue(SWEEP_LIMIT):
            failpoints.reach("sweep.after_rescue")
            measures.job_rescued()
            log.warning("job.rescued", job=str(job_id))
        for job_id in await self._sweep.due(SWEEP_LIMIT):
            failpoints.reach("sweep.before_ring")
            if not await self._doorbell.ring(job_id):
                await self._sweep.unrung(job_id)
                return


class AutoRun:
    """AUTO_RUN_MIGRATIONS: one run, however many processes start at once."""

    def __init__(self, migrations: MigrationService, validation: SchemaValidationService) -> None:
        self._migrations = migrations
        self._validation = validation

    async def submit(self, environment: Environment) -> None:
        """Submit a run unless nothing is pending. Raises BackendUnavailable while the target cannot be read.

        Processes that start together see the same files and the same history, hence the same key.
        """
        examined = [await self._validation.look(one) for one in environment.each()]
        for one in examined:
            if one.view is None:
                raise one.unreachable or BackendUnavailable("the target cannot be read")
        files, histories = examined[0].catalog.migrations, [one.view.history for one in examined if one.view]
        if all(history.is_applied(one.name) for one in files for history in histories):
            log.info("auto_run.nothing_to_do", environment=environment.name)
            return
        applied = "".join(repr(history.applied) for history in histories)
        seen = hashlib.sha256(b"".join(sorted(one.checksum.raw for one in files)) + applied.encode()).hexdigest()
        origin = Origin(Principal("auto-run", "service"))
        request = JobRequest(JobKind.RUN, environment.name, note="AUTO_RUN_MIGRATIONS")
        dedupe = Dedupe(f"auto-run:{environment.name}:{seen}", AUTO_RUN_WINDOW_S)
        try:
            submitted = await self._migrations.submit(request, origin, dedupe=dedupe)
        except Refusal as refusal:
            log.error("auto_run.refused", environment=environment.name, why=refusal.detail)
            return
        log.info("auto_run.submitted", environment=environment.name, job=str(submitted.job.id))
