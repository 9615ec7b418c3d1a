"""Targets that can be worked on, but for those that a test says cannot."""

from app.domain.environment import Environment
from app.domain.errors import BackendUnusable
from app.domain.job import JobKind


class MemoryFitness:
    """Implements ports.Fitness. `unfit`: why not, by name. `only_up`: of those, the ones that may still be undone."""

    def __init__(self) -> None:
        self.unfit: dict[str, str] = {}
        self.only_up: set[str] = set()

    async def refuse_unfit(self, environment: Environment, kind: JobKind) -> None:
        why = self.unfit.get(environment.name)
        if why is not None and (kind.goes_up or environment.name not in self.only_up):
            raise BackendUnusable(f"the target of {environment.name} cannot be used: {why}")
