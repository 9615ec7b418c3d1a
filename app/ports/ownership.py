"""Whose a target is, and how it is protected: what stands in the target itself."""

from datetime import datetime, timedelta
from typing import Protocol

from app.domain.environment import Environment
from app.domain.job import Origin


class Ownership(Protocol):
    """Each raises BackendUnavailable."""

    async def unlock(self, environment: Environment, lasting: timedelta, by: str) -> datetime:
        """One step less protected until the moment that is returned, by the target's clock."""
        ...

    async def lock(self, environment: Environment, by: str) -> None:
        """As protected as ever, at once."""
        ...

    async def claim(self, environment: Environment, recorded: str) -> bool:
        """What was `recorded` as another environment's is this one's from now on.

        False where something else is recorded by now, or a job is at work there.
        """
        ...


class Trail(Protocol):
    """The audit trail, for what is no job and no row of the control database."""

    async def add(self, origin: Origin, action: str, environment: str, detail: str | None) -> None:
        """Raises BackendUnavailable; what is not on record is not done."""
        ...
