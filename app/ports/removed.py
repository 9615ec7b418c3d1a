"""Which environments liftlock.toml has had, and which of them are left out of it by now."""

from collections.abc import Collection, Sequence
from typing import Protocol

from app.domain.job import Origin
from app.domain.removed import InFile, Removed


class FileRecord(Protocol):
    async def seen(self, standing: Sequence[InFile]) -> None:
        """These stand in the file of a process that starts."""
        ...

    async def left_out(self, known: Collection[str], wholes: Collection[str]) -> tuple[Removed, ...]:
        """By name: those that are not among the `known`, were not removed, and have left jobs, conflicts or drift.

        A target is told of for itself where its environment is one of the `wholes`, else the environment alone.
        """
        ...

    async def remove(self, name: str, origin: Origin) -> bool:
        """For good, with its targets and its audit row. False when it is not there, or was removed before."""
        ...

    async def wake(self, names: Collection[str]) -> None:
        """Jobs that were given back for want of these environments, or of their targets, are due at once."""
        ...
