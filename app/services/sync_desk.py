"""What is asked of an environment that follows another: bring it to what that one has completed, now or by itself."""

from dataclasses import replace

from app.domain.approval import bound_by, was_rejected
from app.domain.environment import Environment
from app.domain.errors import ValidationFailed
from app.domain.job import Attempt, Ended, JobId, JobKind, JobRequest, JobState, Origin
from app.domain.planned import MadePlans
from app.domain.principal import Principal
from app.domain.problem import Problem
from app.ports import JobBoard, JobQuery, KeyClaim
from app.services.environments import Environments
from app.services.fan_out import FanOut
from app.services.plan_desk import PlanDesk
from app.services.submission import Submitted

FOLLOWER = Principal("schedule", "service")


class SyncDesk:
    def __init__(self, environments: Environments, fan_out: FanOut, plans: PlanDesk, board: JobBoard) -> None:
        self._environments = environments
        self._fan_out = fan_out
        self._plans = plans
        self._board = board

    async def submit(self, request: JobRequest, origin: Origin, idempotency: KeyClaim | None = None) -> Submitted:
        """What the source has completed and the environment has not, through the environment's gates.

        Raises NotFound, ValidationFailed where there is no source to follow, and the refusals of a run.
        """
        return await self._fan_out.submit(self._asked(request), origin, idempotency)

    async def plan(self, request: JobRequest, origin: Origin) -> MadePlans:
        """What would be run, in each target. Raises as `submit` for what the request names, and BackendUnavailable."""
        return await self._plans.make(self._asked(request), origin)

    async def follow(self, attempt: Attempt) -> Ended:
        """What a tick does: a sync, unless there is nothing to bring. A refusal is how the tick ends.

        Where somebody has run the schedule the sync is asked for by them: who asks is not who approves.
        """
        environment = self._environments.configured(attempt.request.environment)
        if environment.sync is None:
            return Ended(JobState.SUCCEEDED, "nothing_to_do", f"{environment.name} follows no other any more")
        newest = JobQuery(environment=environment.name, kind=JobKind.SYNC, limit=1)
        for job in await self._board.find(replace(newest, state=JobState.WAITING)):
            return Ended(JobState.SUCCEEDED, "nothing_to_do", f"job {job.id} waits already: {job.message}")
        request = JobRequest(JobKind.SYNC, environment.name, source=environment.sync.source, note="by its schedule")
        if not await self._fan_out.would_change(request):
            message = f"{environment.name} has what it may take of {environment.sync.source}"
            return Ended(JobState.SUCCEEDED, "nothing_to_do", message)
        for job in await self._board.find(newest):
            if was_rejected(job) and not await self._fan_out.would_change(request, bound_by(job.request)):
                message = (
                    f"what would be brought is what job {job.id} was to bring, {job.message}; it is not asked again"
                )
                return Ended(JobState.SUCCEEDED, "nothing_to_do", message)
        submitted = await self._fan_out.submit(request, await self._asked_by(attempt.job_id))
        return Ended(JobState.SUCCEEDED, "submitted", f"{submitted.job.message} (job {submitted.job.id})")

    async def _asked_by(self, job_id: JobId) -> Origin:
        job = await self._board.get(job_id)
        return Origin(FOLLOWER) if job is None or job.origin.principal.kind == FOLLOWER.kind else job.origin

    def _asked(self, request: JobRequest) -> JobRequest:
        environment = self._environments.configured(request.environment)
        source = request.source or (environment.sync.source if environment.sync is not None else None)
        if source is None:
            raise _no_source(environment, self._environments.all())
        if source == environment.name:
            message = f"`from` is {source!r}, which is the environment itself; name another"
            raise ValidationFailed(message, (Problem("contradiction", message, pointer="/from"),))
        return replace(request, kind=JobKind.SYNC, source=self._environments.configured(source).name)


def _no_source(environment: Environment, every: tuple[Environment, ...]) -> ValidationFailed:
    others = [one.name for one in every if one.name != environment.name]
    message = (
        f"{environment.name} follows no environment by its configuration; name one in `from`: "
        f"{', '.join(others) or 'there is no other'}"
    )
    steps = tuple(f'POST /environments/{environment.name}/sync {{"from": "{name}"}}' for name in others)
    return ValidationFailed(message, (Problem("missing", message, pointer="/from"),), next_steps=steps)
