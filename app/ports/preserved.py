"""What is kept in targets of what steps would have destroyed."""

from typing import Protocol
from uuid import UUID

from app.domain.environment import Environment
from app.domain.preserved import Place, PreservedSet, Retention


class PreservedRows(Protocol):
    async def kept(self, environment: Environment, limit: int) -> tuple[PreservedSet, ...]:
        """The newest sets of the environment's target, newest first. Raises BackendUnavailable."""
        ...

    async def one(self, environment: Environment, set_id: UUID) -> PreservedSet | None:
        """Raises BackendUnavailable."""
        ...

    async def place(self, environment: Environment, schema: str, table: str) -> Place:
        """Whether a table could be made there. Raises BackendUnavailable."""
        ...

    async def purge(self, environment: Environment, retention: Retention) -> int:
        """Drop the rows of sets whose time is over; how many sets. Raises BackendUnavailable."""
        ...
