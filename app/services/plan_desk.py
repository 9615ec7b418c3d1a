"""What would be run in an environment: a plan for each of its targets."""

import asyncio

from app.domain.convoying import for_target
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.job import JobRequest, Origin
from app.domain.planned import MadePlans, StoredPlan, WouldRefuse
from app.domain.whole import together
from app.services.environments import Environments
from app.services.plans import PlanService

AT_ONCE = 8


class PlanDesk:
    def __init__(self, environments: Environments, plans: PlanService) -> None:
        self._environments = environments
        self._plans = plans

    async def make(self, request: JobRequest, origin: Origin) -> MadePlans:
        """In the order of the targets; each may be run for itself. A target that cannot be looked at has none.

        Raises as `PlanService.make`; BackendUnavailable where none of the targets can be looked at.
        """
        if not self._environments.has_several(request.environment):
            return MadePlans((await self._plans.make(request, origin),), {}, of_several=False)
        places = asyncio.Semaphore(AT_ONCE)

        async def one(target: Environment) -> StoredPlan | BackendUnavailable:
            async with places:
                try:
                    return await self._plans.make(for_target(request, target.name), origin)
                except BackendUnavailable as error:
                    return error

        each = self._environments.each(request.environment)
        found = dict(zip((target.name for target in each), await asyncio.gather(*map(one, each)), strict=True))
        away = {name: answer for name, answer in found.items() if isinstance(answer, BackendUnavailable)}
        plans = tuple(answer for answer in found.values() if isinstance(answer, StoredPlan))
        if not plans:
            raise together(request.environment, away)
        return MadePlans(plans, {name: _why(error) for name, error in away.items()}, of_several=True)


def _why(error: BackendUnavailable) -> WouldRefuse:
    return WouldRefuse(error.slug, error.detail, error.next_steps, (), dict(error.facts))
