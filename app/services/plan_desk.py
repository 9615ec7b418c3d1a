"""What would be run in an environment: a plan for each of its targets."""

from app.domain.convoying import for_target
from app.domain.job import JobRequest, Origin
from app.domain.planned import StoredPlan
from app.services.environments import Environments
from app.services.plans import PlanService


class PlanDesk:
    def __init__(self, environments: Environments, plans: PlanService) -> None:
        self._environments = environments
        self._plans = plans

    async def make(self, request: JobRequest, origin: Origin) -> tuple[StoredPlan, ...]:
        """In the order of the targets; each may be run for itself. Raises as `PlanService.make`."""
        if not self._environments.has_several(request.environment):
            return (await self._plans.make(request, origin),)
        each = self._environments.each(request.environment)
        return tuple([await self._plans.make(for_target(request, one.name), origin) for one in each])
