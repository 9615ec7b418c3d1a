"""A look at the target before it is taken: a job that finds nothing to do is over without taking it."""

import asyncio

from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable, Refusal
from app.domain.job import Attempt, Ended, JobKind, JobRequest
from app.domain.migration import Catalog
from app.ports import Source, Targets, TargetView
from app.services.neighbours import Neighbours
from app.services.outcomes import nothing_to_do
from app.services.planning import plan_job


class Glance:
    def __init__(self, source: Source, targets: Targets, neighbours: Neighbours) -> None:
        self._source = source
        self._targets = targets
        self._neighbours = neighbours

    async def nothing_to_do(self, environment: Environment, attempt: Attempt) -> Ended | None:
        """How the job ends if nothing is to be done; None where the target has to be taken to know.

        One snapshot shows the ledger and that no job holds the target, so nothing is on its way into it. Only
        a first attempt may rely on it: an earlier one, asleep before F1, would find no marker of the job's end
        and leave the target waiting for a job that is over. A refusal is left to those who hold the fence.
        """
        if attempt.number > 1 or attempt.request.stranded is not None:
            return None
        try:
            view, catalog = await asyncio.gather(self._targets.read(environment), self._source.read())
            if view.holder is not None:
                return None
            if _surely_pending(attempt.request, catalog, view):
                return None
            around = await self._neighbours.around(environment, attempt.request)
            plan = plan_job(attempt.request, environment, catalog, view, around)
        except (BackendUnavailable, Refusal):
            return None
        return None if plan.steps else nothing_to_do(attempt.request, plan)


def _surely_pending(request: JobRequest, catalog: Catalog, view: TargetView) -> bool:
    """Said without planning, which the holder of the fence will do."""
    whole_run = request.kind is JobKind.RUN and request.to is None
    return whole_run and not all(view.history.is_applied(one.name) for one in catalog.migrations)
