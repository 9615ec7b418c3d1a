"""Schemas that a test has written down."""

from app.domain.drift import Sight
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.schema import EMPTY, Snapshot


class LiteralSchemas:
    """Implements ports.Schemas: `sights` by environment, else `snapshot` alone; `asked` counts the looks."""

    def __init__(self, snapshot: Snapshot = EMPTY) -> None:
        self.snapshot = snapshot
        self.sights: dict[str, Sight] = {}
        self.unavailable: BackendUnavailable | None = None
        self.asked = 0

    async def read(self, environment: Environment) -> Snapshot:
        return (await self.sight(environment)).live

    async def sight(self, environment: Environment) -> Sight:
        self.asked += 1
        if self.unavailable is not None:
            raise self.unavailable
        return self.sights.get(environment.name, Sight(self.snapshot))
