"""FanOut: a request for an environment becomes one job; where it has several targets, one that has a job for each."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from app.domain.binding import Binding
from app.domain.busy import in_the_way
from app.domain.convoy import Convoy
from app.domain.convoying import for_target, refuse_different_ways_back
from app.domain.environment import Environment
from app.domain.errors import BackendUnusable, ConfirmationRequired, Refusal, ValidationFailed
from app.domain.job import Ended, Job, JobRequest, JobState, OnBusy, Origin
from app.domain.problem import Problem
from app.ports import JobBoard, KeyClaim
from app.services.environments import Environments
from app.services.fitness import FitnessCheck
from app.services.submission import Admission, Dedupe, Submission, Submitted, answer_busy

AT_ONCE = 8
NOTHING: Mapping[str, Binding | None] = {}


class FanOut:
    """Above the submission of one job to one target, which it asks about each."""

    def __init__(
        self, environments: Environments, submission: Submission, board: JobBoard, fitness: FitnessCheck
    ) -> None:
        self._fitness = fitness
        self._environments = environments
        self._submission = submission
        self._board = board

    async def submit(
        self,
        request: JobRequest,
        origin: Origin,
        idempotency: KeyClaim | None = None,
        dedupe: Dedupe | None = None,
    ) -> Submitted:
        """As the submission does for one target. Of several: whatever one of them refuses refuses the whole.

        The jobs of the targets are made by the worker that takes the whole, each when its turn has come.
        """
        if not self._environments.has_several(request.environment):
            return await self._submission.submit(request, origin, idempotency, dedupe)
        self._submission.refuse_when_read_only()
        environment = self._environments.configured(request.environment)
        _refuse_plan(request)
        ahead = await self._board.open_on(environment.name)
        other = in_the_way(request, ahead)
        if other is not None:
            return answer_busy(request, other)
        await self._fitness.refuse_unfit(environment, request.kind)
        admissions = await self._each_admitted(request, environment, ahead, origin)
        plans = {one.request.environment: one.plan for one in admissions if one.plan is not None}
        refuse_different_ways_back(request, plans)
        whole = _whole(request, environment, admissions)
        new = self._submission.new_job(whole, origin, idempotency, dedupe)
        accepted = await self._submission.accept(new)
        for one in admissions:
            await self._submission.record_if_possible(one.request.environment, one.found)
        if accepted.job.id != new.id and dedupe is None:
            return answer_busy(request, accepted.job)
        return Submitted(accepted.job, whole.warnings + accepted.warnings)

    async def would_change(self, request: JobRequest, rejected: Mapping[str, Binding | None] = NOTHING) -> bool:
        """Whether a job would do something in one of the targets, by whose names `rejected` goes; see
        `Submission.would_change`."""
        each = self._environments.each(request.environment)
        asked = [for_target(request, one.name) if one.part_of else request for one in each]
        looks = (self._submission.would_change(one, rejected.get(one.environment)) for one in asked)
        return any(await asyncio.gather(*looks))

    async def _each_admitted(
        self, request: JobRequest, environment: Environment, ahead: tuple[Job, ...], origin: Origin
    ) -> Sequence[Admission]:
        """Several at a time, since one may be away; of those that refuse the first in order is heard."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(target: Environment) -> Admission:
            async with places:
                return await self._admitted(request, target, ahead, origin)

        found: list[Admission] = []
        for answer in await asyncio.gather(*(one(target) for target in environment.each()), return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer
            found.append(answer)
        return found

    async def _admitted(
        self, request: JobRequest, one: Environment, ahead: tuple[Job, ...], origin: Origin
    ) -> Admission:
        open_jobs = (*await self._board.open_on(one.name), *ahead)
        if open_jobs and request.on_busy is OnBusy.FAIL:
            # it raises: of one target there is nothing to join
            answer_busy(replace(request, environment=one.name), open_jobs[0])
        asked = for_target(request, one.name)
        try:
            admission = await self._submission.admit(asked, one, open_jobs, origin.principal)
            _refuse_unusable(admission)
            return admission
        except ConfirmationRequired as error:
            raise _of_the_whole(error, request.environment, one) from error
        except Refusal as refusal:
            if one.name not in refusal.detail:
                refusal.detail = f"{one.name}: {refusal.detail}"
            raise


def _refuse_unusable(admission: Admission) -> None:
    """The targets before it would be changed, and the job end at it. What is only away is waited for.

    Raises BackendUnusable.
    """
    if isinstance(admission.found.unreachable, BackendUnusable):
        raise admission.found.unreachable


def _whole(request: JobRequest, environment: Environment, admissions: Sequence[Admission]) -> Admission:
    each = environment.each()
    convoy = Convoy(tuple(one.name for one in each), tuple(one.request.approved for one in admissions))
    return Admission(
        request=replace(request, convoy=convoy),
        found=admissions[0].found,
        not_before=_latest([one.not_before for one in admissions]),
        needed=max(one.needed for one in admissions),
        finished=_nothing_to_do(environment, admissions),
        warnings=tuple(
            f"{one.name}: {warning}" for one, admitted in zip(each, admissions, strict=True)
            for warning in admitted.warnings
        ),
        plan=None,
    )  # fmt: skip


def _nothing_to_do(environment: Environment, admissions: Sequence[Admission]) -> Ended | None:
    finished = [one.finished for one in admissions if one.finished is not None]
    if len(finished) < len(admissions):
        return None
    message = f"nothing to do in any target of {environment.name}"
    notices = tuple(
        f"{one.request.environment}: {notice}" for one in admissions if one.finished for notice in one.finished.notices
    )
    return Ended(JobState.SUCCEEDED, "nothing_to_do", message, notices=notices)


def _latest(moments: Sequence[datetime | None]) -> datetime | None:
    return max((one for one in moments if one is not None), default=None)


def _refuse_plan(request: JobRequest) -> None:
    """A plan is of one target. Raises ValidationFailed."""
    if request.plan is not None:
        message = f"plan {request.plan.plan_id} is of one target; name that one"
        raise ValidationFailed(message, (Problem("other_target", message, pointer="/planId"),))


def _of_the_whole(error: ConfirmationRequired, environment: str, one: Environment) -> ConfirmationRequired:
    """The name of the environment confirms all of its targets."""
    return ConfirmationRequired(
        error.detail.replace(one.name, environment),
        facts={**error.facts, "environment": environment},
        next_steps=tuple(step.replace(one.name, environment) for step in error.next_steps),
    )
