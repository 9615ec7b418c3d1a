"""Plans on PostgreSQL: a row for the list, and the whole plan beside it as it was answered."""

from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.engine import RowMapping

from app.adapters.codec import STORED_PLAN, from_json, to_json
from app.adapters.control.database import ControlDatabase
from app.adapters.control.environment_names import concerns
from app.adapters.control.tables import plans
from app.domain.planned import PlanSummary, PlanVerdict, StoredPlan
from app.ports import PlansWanted

_SUMMARY = (
    plans.c.id,
    plans.c.environment,
    plans.c.kind,
    plans.c.verdict,
    plans.c.created_at,
    plans.c.principal_id,
    plans.c.step_count,
    plans.c.hazard_count,
)


class ControlPlans:
    """Implements ports.Plans."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def keep(self, plan: StoredPlan) -> None:
        shown = plan.summary
        values = {
            "id": shown.id,
            "environment": shown.environment,
            "kind": shown.kind,
            "verdict": shown.verdict.value,
            "created_at": shown.created_at,
            "principal_id": shown.principal_id,
            "step_count": shown.step_count,
            "hazard_count": shown.hazard_count,
            "content": to_json(STORED_PLAN, plan),
        }
        async with self._database.single() as connection:
            await connection.execute(insert(plans).values(values))

    async def get(self, plan_id: UUID) -> StoredPlan | None:
        async with self._database.single() as connection:
            content = await connection.scalar(select(plans.c.content).where(plans.c.id == plan_id))
        return None if content is None else from_json(STORED_PLAN, content)

    async def find(self, wanted: PlansWanted) -> tuple[PlanSummary, ...]:
        query = select(*_SUMMARY).order_by(plans.c.id.desc()).limit(wanted.limit)
        if wanted.before is not None:
            query = query.where(plans.c.id < wanted.before)
        if wanted.environment is not None:
            whose = concerns(plans.c.environment, wanted.environment, with_targets=wanted.with_targets)
            query = query.where(whose)
        async with self._database.single() as connection:
            return tuple(_summary(row) for row in (await connection.execute(query)).mappings())


def _summary(row: RowMapping) -> PlanSummary:
    return PlanSummary(
        id=row["id"],
        environment=row["environment"],
        kind=row["kind"],
        verdict=PlanVerdict(row["verdict"]),
        created_at=row["created_at"],
        principal_id=row["principal_id"],
        step_count=row["step_count"],
        hazard_count=row["hazard_count"],
    )
