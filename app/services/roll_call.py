"""RollCall: whether every target of a job over several would have its part, asked before the first of them is begun."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from app.domain.approval import refuse_unasked
from app.domain.convoying import child_request, refuse_different_ways_back
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable, BackendUnusable, Refusal
from app.domain.job import Attempt, Ended, JobRequest
from app.domain.removed import EnvironmentRemoved
from app.domain.step import Plan
from app.ports import JobBoard, Schemas, Source, Targets, TargetView
from app.services.environments import Environments
from app.services.fitness import FitnessCheck
from app.services.neighbours import Neighbours
from app.services.outcomes import refused, target_unusable
from app.services.planning import plan_job

PATIENCE_S = 5.0
AT_ONCE = 8


class RollCall:
    def __init__(
        self,
        environments: Environments,
        source: Source,
        targets: Targets,
        schemas: Schemas,
        board: JobBoard,
        neighbours: Neighbours,
        fitness: FitnessCheck,
    ) -> None:
        self._fitness = fitness
        self._environments = environments
        self._source = source
        self._targets = targets
        self._schemas = schemas
        self._board = board
        self._neighbours = neighbours

    async def refused(self, attempt: Attempt) -> Ended | None:
        """How the job ends without having begun: one of its targets cannot be used, or refuses its part.

        Whoever does not answer in time is only away, and is waited for when its turn has come. Each is looked at again
        when it is taken. Raises NotFound for a target that is no longer configured.
        """
        assert attempt.request.convoy is not None
        whole = self._environments.configured(attempt.request.environment)
        try:
            await self._fitness.refuse_unfit(whole, attempt.request.kind)
        except BackendUnusable as unfit:
            return _untouched(target_unusable(unfit), attempt)
        each = [self._environments.named(name) for name in attempt.request.convoy.targets]
        places = asyncio.Semaphore(AT_ONCE)

        async def one(place: int, environment: Environment) -> Plan | BackendUnusable | Refusal | None:
            async with places:
                return await self._part(environment, child_request(attempt.request, place, attempt.job_id), attempt)

        asking = [asyncio.create_task(one(place, environment)) for place, environment in enumerate(each)]
        _, late = await asyncio.wait(asking, timeout=PATIENCE_S)
        for task in late:
            task.cancel()
        answers = {where.name: task.result() for task, where in zip(asking, each, strict=True) if task not in late}
        return _judged(attempt, whole, answers)

    async def _part(
        self, environment: Environment, request: JobRequest, attempt: Attempt
    ) -> Plan | BackendUnusable | Refusal | None:
        """What it would do, as far as that is known. Nothing is asked of the history of a target that another job may
        change before: see `Submission.submit`."""
        try:
            ahead = await self._board.open_on(environment.name)
            catalog, view = await self._source.read(), await self._targets.read(environment)
            if not ahead and view.holder is None:
                view = view if request.approved is None else await self._with_schema(environment, view)
                around = await self._neighbours.around(environment, request)
                around = replace(around, at=attempt.moment(around.at))
                return plan_job(request, environment, catalog, view, around)
        except (BackendUnusable, Refusal) as error:
            return error
        except BackendUnavailable:
            return None
        return None

    async def _with_schema(self, environment: Environment, view: TargetView) -> TargetView:
        try:
            return replace(view, sight=await self._schemas.sight(environment))
        except BackendUnavailable:
            return replace(view, unread=True)


def _judged(
    attempt: Attempt, whole: Environment, answers: Mapping[str, Plan | BackendUnusable | Refusal | None]
) -> Ended | None:
    """As the first that refuses, in their order; or all together. Raises EnvironmentRemoved: that is waited for."""
    for target, answer in answers.items():
        if isinstance(answer, EnvironmentRemoved):
            raise answer
        if isinstance(answer, BackendUnusable | Refusal):
            return _ended(answer, target, attempt)
    try:
        plans = {target: answer for target, answer in answers.items() if isinstance(answer, Plan)}
        refuse_unasked(whole, attempt.request, plans)
        refuse_different_ways_back(attempt.request, plans)
    except Refusal as refusal:
        return refused(refusal, attempt)
    return None


def _ended(error: BackendUnusable | Refusal, target: str, attempt: Attempt) -> Ended:
    ended = target_unusable(error) if isinstance(error, BackendUnusable) else refused(error, attempt)
    named = "" if target in ended.message else f"{target}: "
    return _untouched(replace(ended, message=f"{named}{ended.message}"), attempt)


def _untouched(ended: Ended, attempt: Attempt) -> Ended:
    return replace(ended, message=f"{ended.message}; no target of {attempt.request.environment} was touched")
