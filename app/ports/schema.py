"""What the services need to know the schema of a target."""

from typing import Protocol

from app.domain.environment import Environment
from app.domain.schema import Snapshot


class Schemas(Protocol):
    async def read(self, environment: Environment) -> Snapshot:
        """The schema as it is now, of the environment's scope. Raises BackendUnavailable."""
        ...
