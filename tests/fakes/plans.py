"""Plans in memory."""

from uuid import UUID

from app.adapters.codec import STORED_PLAN, from_json, to_json
from app.domain.errors import BackendUnavailable
from app.domain.planned import PlanSummary, StoredPlan
from app.ports import PlansWanted
from tests.fakes.jobs import concerns


class MemoryPlans:
    """Implements ports.Plans; a plan is kept as text, as in a database."""

    def __init__(self) -> None:
        self.kept: dict[UUID, str] = {}
        self.unavailable: BackendUnavailable | None = None

    async def keep(self, plan: StoredPlan) -> None:
        if self.unavailable is not None:
            raise self.unavailable
        self.kept[plan.id] = to_json(STORED_PLAN, plan)

    async def get(self, plan_id: UUID) -> StoredPlan | None:
        text = self.kept.get(plan_id)
        return None if text is None else from_json(STORED_PLAN, text)

    async def find(self, wanted: PlansWanted) -> tuple[PlanSummary, ...]:
        every = [from_json(STORED_PLAN, text).summary for _, text in sorted(self.kept.items(), reverse=True)]
        found = [
            one
            for one in every
            if concerns(wanted.environment, one.environment, with_targets=wanted.with_targets)
            and (wanted.before is None or one.id < wanted.before)
        ]
        return tuple(found[: wanted.limit])
