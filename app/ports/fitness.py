"""Whether a target can be worked on, asked before anything is."""

from typing import Protocol

from app.domain.environment import Environment
from app.domain.job import JobKind


class Fitness(Protocol):
    async def refuse_unfit(self, environment: Environment, kind: JobKind) -> None:
        """Look at the target as a job of that kind would, by the address that it would take; nothing is written.

        Raises BackendUnusable where only a person can change that it would fail: a right that is missing, a server that
        takes no changes, a `directUrl` that leads nowhere or elsewhere. Who does not answer is only away.
        """
        ...
