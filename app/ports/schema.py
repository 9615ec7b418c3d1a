"""What the services need to know the schema of a target, and to remember of it."""

from typing import Protocol

from app.domain.drift import DriftCheck, Sight
from app.domain.environment import Environment
from app.domain.schema import Snapshot


class Schemas(Protocol):
    async def read(self, environment: Environment) -> Snapshot:
        """The schema as it is now, of the environment's scope. Raises BackendUnavailable."""
        ...

    async def sight(self, environment: Environment) -> Sight:
        """With what was recorded of it, and who is at work on it. Writes nothing. Raises BackendUnavailable."""
        ...


class DriftLog(Protocol):
    """The last look at the schema of each environment."""

    async def put(self, check: DriftCheck) -> DriftCheck:
        """In the place of the one before; with the time of the database."""
        ...

    async def of(self, environment: str) -> DriftCheck | None: ...
