"""What other environments have, for a decision about one: those it requires, and the one that it follows."""

import asyncio

from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.job import JobRequest
from app.domain.ledger import History, shared
from app.domain.promotion import Surroundings
from app.ports import Clock, Targets
from app.services.environments import Environments
from app.services.planning import refuse_other_owner


class Neighbours:
    def __init__(self, environments: Environments, targets: Targets, clock: Clock) -> None:
        self._environments = environments
        self._targets = targets
        self._clock = clock

    async def around(self, environment: Environment, request: JobRequest) -> Surroundings:
        """Read nothing where nothing is required, and nothing but ledgers anywhere.

        Raises NotFound for an environment that is not configured, EnvironmentProtected where one has the address of
        another, or BackendUnavailable with the one that cannot be read and why it is asked.
        """
        names = _wanted(environment, request)
        histories = await asyncio.gather(*(self._history(environment, name) for name in names))
        return Surroundings(self._clock.now(), dict(zip(names, histories, strict=True)))

    async def _history(self, environment: Environment, name: str) -> History:
        each = self._environments.each(name)
        return shared([await self._read(environment, name, other) for other in each])

    async def _read(self, environment: Environment, name: str, other: Environment) -> History:
        try:
            view = await self._targets.read(other)
        except BackendUnavailable as error:
            why = "requires" if name in environment.requires else "is to follow"
            raise BackendUnavailable(
                f"{other.name}, which {environment.name} {why}, cannot be read: {error.detail}",
                facts=error.facts,
                next_steps=error.next_steps,
            ) from error
        refuse_other_owner(other, view)
        return view.history


def _wanted(environment: Environment, request: JobRequest) -> tuple[str, ...]:
    if not request.kind.goes_up:
        return ()
    followed = () if request.source is None else (request.source,)
    return tuple(dict.fromkeys((*environment.requires, *followed)))
