"""Preserved rows in memory: lists of sets, by environment."""

from uuid import UUID

from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.preserved import Place, PreservedSet, Retention


class MemoryPreservedRows:
    """Implements ports.PreservedRows. `taken`: schemas and names of tables; there is no schema but `public`."""

    def __init__(self) -> None:
        self.sets: dict[str, list[PreservedSet]] = {}
        self.away: set[str] = set()
        self.taken: set[tuple[str, str]] = set()

    async def kept(self, environment: Environment, limit: int) -> tuple[PreservedSet, ...]:
        self._reach(environment)
        return tuple(self.sets.get(environment.name, ())[:limit])

    async def one(self, environment: Environment, set_id: UUID) -> PreservedSet | None:
        self._reach(environment)
        return next((one for one in self.sets.get(environment.name, ()) if one.id == set_id), None)

    async def place(self, environment: Environment, schema: str, table: str) -> Place:
        self._reach(environment)
        if schema != "public":
            return Place.NO_SCHEMA
        return Place.TAKEN if (schema, table) in self.taken else Place.FREE

    async def purge(self, environment: Environment, retention: Retention) -> int:
        self._reach(environment)
        return 0

    def _reach(self, environment: Environment) -> None:
        if environment.name in self.away:
            raise BackendUnavailable(f"the target of {environment.name} cannot be reached")
