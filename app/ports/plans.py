"""What the services need to keep plans."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from app.domain.planned import PlanSummary, StoredPlan


@dataclass(frozen=True, slots=True)
class PlansWanted:
    """A page of the list, newest first; `before` is the id of the last plan of the page before.

    `with_targets`: also those of single targets of the environment.
    """

    limit: int = 50
    before: UUID | None = None
    environment: str | None = None
    with_targets: bool = False


class Plans(Protocol):
    """Plans in the control database; once kept they never change."""

    async def keep(self, plan: StoredPlan) -> None: ...

    async def get(self, plan_id: UUID) -> StoredPlan | None: ...

    async def find(self, wanted: PlansWanted) -> tuple[PlanSummary, ...]: ...
