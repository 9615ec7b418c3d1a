"""The environments that are registered in the control database, and how such a document is read."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from app.domain.environment import Environment
from app.domain.job import Origin
from app.domain.problem import Problem
from app.domain.registered import Registered


class Registry(Protocol):
    async def all(self) -> tuple[Registered, ...]:
        """By name."""
        ...

    async def put(
        self,
        name: str,
        document: Mapping[str, object],
        version: int | None,
        origin: Origin,
        unless_at_work: Sequence[str] = (),
    ) -> Registered | None:
        """Written, and on the audit trail. `version`: the one it replaces, 0 for a new one, None for whatever is there.

        `unless_at_work`: queues of which no job may have begun, also for a new one; none begins before this is
        committed. None where another version is there by now, or such a job has begun.
        """
        ...

    async def delete(self, name: str, version: int | None, origin: Origin) -> bool:
        """With its audit row; the environment's jobs and what stands in its target stay. False when it is not there.

        What liftlock.toml has held under this name is removed with it.
        """
        ...


class Reader(Protocol):
    """Reads a document as a table of liftlock.toml."""

    def read(
        self, name: str, document: Mapping[str, object], others: Mapping[str, Environment]
    ) -> tuple[Environment | None, tuple[Problem, ...]]: ...
