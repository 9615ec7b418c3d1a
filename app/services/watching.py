"""Whether environments are still what those they require have led to: looked at by schedule, and put on record."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.comparison import Comparison
from app.domain.environment import Environment
from app.domain.whole import counterparts
from app.services.comparing import Comparer
from app.services.conflict import ConflictResolutionService
from app.services.environments import Environments

AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Watched:
    """`unread`: those with a side that could not be read."""

    compared: tuple[Comparison, ...]

    @property
    def disagreeing(self) -> tuple[Comparison, ...]:
        return tuple(one for one in self.compared if one.disagrees)

    @property
    def unread(self) -> tuple[Comparison, ...]:
        return tuple(one for one in self.compared if one.is_unread)


class DivergenceWatch:
    def __init__(self, environments: Environments, comparer: Comparer, conflicts: ConflictResolutionService) -> None:
        self._environments = environments
        self._comparer = comparer
        self._conflicts = conflicts

    async def look(self) -> Watched:
        """Each target against those that it requires; what disagrees is put on record, what no longer does is closed.

        Of a side that cannot be read nobody knows, so the record stays as it is. Raises BackendUnavailable for the
        control database.
        """
        places = asyncio.Semaphore(AT_ONCE)

        async def one(target: Environment) -> tuple[Comparison, ...]:
            async with places:
                found = [await self._comparer.compare_quickly(source, target) for source in self._required(target)]
            await self._conflicts.record_divergence(target.name, found)
            return tuple(found)

        every = await asyncio.gather(*(one(target) for target in self._environments.every_target()))
        return Watched(tuple(one for found in every for one in found))

    def _required(self, target: Environment) -> Sequence[Environment]:
        return [source for name in target.requires for source in self._sources(target, name)]

    def _sources(self, target: Environment, name: str) -> Sequence[Environment]:
        return counterparts(target, self._environments.each(name)) if self._environments.knows(name) else ()
