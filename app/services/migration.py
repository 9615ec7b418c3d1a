"""MigrationService: run what is pending, and say where every migration stands."""

from dataclasses import replace
from typing import Never
from uuid import UUID

from app.domain.again import refuse_unsafe_retry
from app.domain.busy import in_its_place, waits_for_worker
from app.domain.errors import JobEnded, NotFound
from app.domain.job import Job, JobId, JobKind, JobRequest, JobState, Origin
from app.domain.locks import LockSample
from app.domain.removed import waiting_for
from app.domain.step import Atomicity
from app.ports import Convoys, JobBoard, JobControl, JobQuery, KeyClaim, LockLog
from app.services.environments import Environments
from app.services.fan_out import FanOut
from app.services.submission import Dedupe, Submission, Submitted
from app.services.withdrawing import Withdrawals

LOOK_BACK = 50


class MigrationService:
    def __init__(
        self,
        fan_out: FanOut,
        submission: Submission,
        board: JobBoard,
        convoys: Convoys,
        control: JobControl,
        locks: LockLog,
        withdrawals: Withdrawals,
        environments: Environments,
    ) -> None:
        self._environments = environments
        self._withdrawals = withdrawals
        self._fan_out = fan_out
        self._convoys = convoys
        self._submission = submission
        self._board = board
        self._control = control
        self._locks = locks

    async def submit(
        self,
        request: JobRequest,
        origin: Origin,
        idempotency: KeyClaim | None = None,
        dedupe: Dedupe | None = None,
    ) -> Submitted:
        """Raises the refusals of a run (see `planning.plan_job`), or BackendUnavailable."""
        return await self._fan_out.submit(replace(request, kind=JobKind.RUN), origin, idempotency, dedupe)

    async def mark(self, request: JobRequest, origin: Origin, idempotency: KeyClaim | None = None) -> Submitted:
        """Record `request.names` as applied or rolled back without running them, all or none.

        Raises NotFound, CannotMark, NewerDependents or MigrationsInvalid.
        """
        return await self._fan_out.submit(
            replace(request, kind=JobKind.MARK, atomic=Atomicity.RUN), origin, idempotency
        )

    async def job(self, job_id: UUID) -> Job:
        """With its steps, or the jobs of its targets. Raises NotFound."""
        job = await self._board.get(JobId(job_id))
        if job is None:
            raise _no_job(job_id)
        (placed,) = await self._in_their_places((job,))
        return await self._with_parts(placed)

    async def jobs(self, query: JobQuery) -> tuple[Job, ...]:
        return await self._in_their_places(await self._board.find(query))

    async def cancel(self, job_id: UUID, origin: Origin) -> Job:
        """A job that never started ends at once, any other is asked to stop. Raises NotFound, JobEnded or ReadOnly."""
        self._submission.refuse_when_read_only()
        job = await self._control.cancel(JobId(job_id), origin.principal, origin.request_id)
        if job is not None:
            await self._tell_leader(job)
            return await self._with_parts(await self._withdrawals.after(job))
        ended = await self.job(job_id)
        if ended.state is JobState.CANCELLED:
            return ended
        raise _ended(ended, "cancel")

    async def pause(self, job_id: UUID, origin: Origin) -> Job:
        """It goes no further after the step, or the range of a batch, that is under way. Raises as `cancel` does."""
        self._submission.refuse_when_read_only()
        paused = await self._control.pause(JobId(job_id), origin.principal, origin.request_id)
        return await self._with_parts(paused or _refuse(await self.job(job_id), "pause"))

    async def resume(self, job_id: UUID, origin: Origin) -> Job:
        """Raises as `cancel` does."""
        self._submission.refuse_when_read_only()
        resumed = await self._control.resume(JobId(job_id), origin.principal, origin.request_id)
        if resumed is not None:
            await self._tell_leader(resumed)
        return await self._with_parts(resumed or _refuse(await self.job(job_id), "resume"))

    async def retry(self, job_id: UUID, origin: Origin, idempotency: KeyClaim | None = None) -> Submitted:
        """The same request as a new job, which has to be approved anew.

        Raises NotFound, NotSafeToRetry, and what submitting it raises.
        """
        job = await self.job(job_id)
        newest = await self._board.find(JobQuery(environment=job.request.environment, limit=LOOK_BACK))
        refuse_unsafe_retry(job, [other for other in newest if other.id > job.id])
        again = replace(job.request, retry_of=job.id, approved=None, convoy=None, parent=None, unasked=False)
        return await self._fan_out.submit(again, origin, idempotency)

    async def locks(self, job_id: UUID) -> tuple[LockSample, ...]:
        """What was seen of the locks around the job, oldest first. Raises NotFound."""
        job = await self.job(job_id)
        return await self._locks.of(job.id)

    async def _in_their_places(self, jobs: tuple[Job, ...]) -> tuple[Job, ...]:
        """Only now is it known whom a queued job waits for: its row says what was so when it was written."""
        queues = dict.fromkeys(job.request.queue for job in jobs if waits_for_worker(job))
        open_on = {queue: await self._board.open_on(queue) for queue in queues}
        placed = (in_its_place(job, open_on.get(job.request.queue, ())) for job in jobs)
        return tuple(self._without_environment(job) for job in placed)

    def _without_environment(self, job: Job) -> Job:
        """No worker has to have looked at it to know what it waits for."""
        removed = None if job.state.final else self._environments.removed_as(job.request.environment)
        return job if removed is None else waiting_for(job, removed)

    async def _with_parts(self, job: Job) -> Job:
        return job if job.request.convoy is None else replace(job, parts=await self._convoys.of(job.id))

    async def _tell_leader(self, job: Job) -> None:
        """A job over several targets looks at once at what was asked of it, or has become of one of its own."""
        leader = job if job.request.convoy is not None else None
        if job.request.parent is not None and job.state.final:
            leader = await self._board.get(JobId(job.request.parent))
        if leader is not None and leader.state is JobState.QUEUED:
            await self._submission.ring(leader)


def _no_job(job_id: UUID) -> NotFound:
    return NotFound(f"there is no job {job_id}", next_steps=("GET /jobs",))


def _refuse(job: Job, what: str) -> Never:
    raise _ended(job, what)


def _ended(job: Job, what: str) -> JobEnded:
    return JobEnded(
        f"job {job.id} has ended ({job.state}, {job.reason}); there is nothing left to {what}",
        facts={"jobId": str(job.id), "state": job.state.value, "reason": job.reason},
        next_steps=(f"GET /jobs/{job.id}",),
    )
