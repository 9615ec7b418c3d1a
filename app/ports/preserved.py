"""What is kept in targets of what steps would have destroyed."""

from typing import Protocol

from app.domain.environment import Environment
from app.domain.preserved import PreservedSet, Retention


class PreservedRows(Protocol):
    async def kept(self, environment: Environment, limit: int) -> tuple[PreservedSet, ...]:
        """The newest sets of the environment's target, newest first. Raises BackendUnavailable."""
        ...

    async def purge(self, environment: Environment, retention: Retention) -> int:
        """Drop the rows of sets whose time is over; how many sets. Raises BackendUnavailable."""
        ...
