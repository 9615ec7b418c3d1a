"""Preserved rows in memory: lists of sets, by environment."""

from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.preserved import PreservedSet, Retention


class MemoryPreservedRows:
    """Implements ports.PreservedRows for those who only list."""

    def __init__(self) -> None:
        self.sets: dict[str, list[PreservedSet]] = {}
        self.away: set[str] = set()

    async def kept(self, environment: Environment, limit: int) -> tuple[PreservedSet, ...]:
        if environment.name in self.away:
            raise BackendUnavailable(f"the target of {environment.name} cannot be reached")
        return tuple(self.sets.get(environment.name, ())[:limit])

    async def purge(self, environment: Environment, retention: Retention) -> int:
        if environment.name in self.away:
            raise BackendUnavailable(f"the target of {environment.name} cannot be reached")
        return 0
