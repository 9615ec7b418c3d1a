"""Who has to say yes before a job may go on, and to what: asked for at submission, given or refused later.

How many is what the environment asks for now, until the job begins; never fewer than it was once told to wait for.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

from app.domain.approval import Vote, approvals_needed, bound_by, refuse_vote, too_few
from app.domain.binding import binding_of
from app.domain.environment import Environment
from app.domain.errors import ApprovalVoid, Forbidden, NotFound, ReadOnly, TargetBusy
from app.domain.job import Attempt, Job, JobId, JobRequest, JobState, Origin
from app.domain.principal import Principal
from app.domain.promotion import opening
from app.domain.step import Plan
from app.ports import Approvals, Clock, Doorbell, JobBoard, JobQuery, Schemas
from app.services.environments import Environments
from app.services.validation import Examination
from app.services.withdrawing import Withdrawals

PAGE = 500


class ApprovalDesk:
    def __init__(
        self,
        environments: Environments,
        approvals: Approvals,
        board: JobBoard,
        schemas: Schemas,
        doorbell: Doorbell,
        clock: Clock,
        withdrawals: Withdrawals,
        *,
        read_only: bool,
    ) -> None:
        self._withdrawals = withdrawals
        self._read_only = read_only
        self._doorbell = doorbell
        self._environments = environments
        self._approvals = approvals
        self._board = board
        self._schemas = schemas
        self._clock = clock

    async def hold(
        self,
        request: JobRequest,
        environment: Environment,
        plan: Plan | None,
        found: Examination,
        asked_by: Principal,
    ) -> tuple[JobRequest, int]:
        """The request bound to what would run now, and how many have to approve that; 0 where nobody has to.

        Raises Forbidden where nobody is known, TargetBusy or BackendUnavailable where nobody can tell what there would
        be to approve.
        """
        needed = approvals_needed(environment, request)
        if needed == 0:
            return request, 0
        if asked_by.kind == "anonymous":
            raise Forbidden(
                f"a job in {environment.name} has to be approved by somebody else than the one who asks for it, and "
                f"nobody knows who you are: set LIFTLOCK_AUTH=token"
            )
        if plan is None or found.view is None:
            raise found.unreachable or TargetBusy(
                f"a job in {environment.name} has to be approved, and what it would do is not known while other jobs "
                f"or servers are in the way; ask again when they are done",
                next_steps=(f"GET /jobs?environment={environment.name}",),
            )
        sight = await self._schemas.sight(environment)
        bound = binding_of(self._clock.new_id(), plan, found.view.history, sight.live.fingerprint)
        return replace(request, approved=bound), needed

    async def look_again(self) -> None:
        """Have those that have not begun wait for what their environments ask for by now. Raises BackendUnavailable."""
        if self._read_only:
            return
        for environment in self._environments.all():
            if environment.approvals:
                async for job in self._not_begun(environment):
                    await self._told(job)

    async def sent_back(self, attempt: Attempt) -> bool:
        """Whether it waits for approval again, as its environment asks for more by now; then the attempt is over. So is
        the job where somebody has asked it to stop meanwhile.

        What has begun goes on; of several targets whoever leads them knows that.
        """
        asked = self._asked(attempt.request)
        begun = attempt.starts > 0 and attempt.request.convoy is None
        if begun or not asked:
            return False
        job = await self._approvals.require(attempt.job_id, asked, attempt.number)
        return job is not None and bool(await self._withdrawals.after(job))

    async def lacking(self, attempt: Attempt) -> ApprovalVoid | None:
        """Why its plan may not be pinned now that the target is its own: it is not sent back any more.

        A job whose plan is pinned has begun, and goes on.
        """
        asked = self._asked(attempt.request)
        return too_few(attempt.request, asked, await self._approvals.of(attempt.job_id)) if asked else None

    async def approve(self, job_id: UUID, note: str | None, origin: Origin) -> Job:
        """Raises NotFound, NothingToApprove, Forbidden or ReadOnly."""
        job = await self._allowed(job_id, origin)
        environment = self._environments.configured(job.request.environment)
        not_before = opening(environment, job.request, self._clock.now())
        approved = await self._approvals.approve(job.id, origin, note, not_before)
        if approved is not None and approved.state is JobState.QUEUED:
            # it is due: where nobody hears it, the sweeper rings again
            await self._doorbell.ring(approved.id)
        return approved or await self._beaten(job_id, origin)

    async def reject(self, job_id: UUID, note: str | None, origin: Origin) -> Job:
        """Raises as `approve` does; whoever asked for it may cancel it instead."""
        job = await self._allowed(job_id, origin)
        rejected = await self._approvals.reject(job.id, origin, note)
        return await self._withdrawals.after(rejected) if rejected else await self._beaten(job_id, origin)

    async def votes(self, job_id: UUID) -> tuple[Vote, ...]:
        return await self._approvals.of(JobId(job_id))

    async def _allowed(self, job_id: UUID, origin: Origin) -> Job:
        if self._read_only:
            raise ReadOnly("this service is read-only (LIFTLOCK_READ_ONLY); ask one that makes changes")
        job = await self._board.get(JobId(job_id))
        if job is None:
            raise NotFound(f"there is no job {job_id}", next_steps=("GET /jobs",))
        job = await self._told(job)
        refuse_vote(job, origin.principal, await self._approvals.of(job.id))
        return job

    async def _not_begun(self, environment: Environment) -> AsyncIterator[Job]:
        for state in (JobState.WAITING, JobState.QUEUED):
            last: JobId | None = None
            while True:
                asked = JobQuery(PAGE, last, state, environment=environment.name, with_targets=True, idle=True)
                found = await self._board.find(asked)
                for job in found:
                    yield job
                if len(found) < PAGE:
                    break
                last = found[-1].id

    async def _told(self, job: Job) -> Job:
        """As it is when it knows how many its environment asks for by now."""
        asked = 0 if job.state.final else self._asked(job.request)
        return (await self._approvals.require(job.id, asked) or job) if asked else job

    def _asked(self, request: JobRequest) -> int:
        """None of a job that nobody was asked about: there is nothing to approve, so it is refused when it begins. Nor
        of one target's where the whole has begun."""
        known = self._environments.knows(request.environment)
        if not known or request.parent is not None or not any(bound_by(request).values()):
            return 0
        return approvals_needed(self._environments.configured(request.environment), request)

    async def _beaten(self, job_id: UUID, origin: Origin) -> Job:
        """Somebody was faster; what is so now says what is wrong with asking."""
        return await self._allowed(job_id, origin)
