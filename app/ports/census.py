"""What the services need to count the whole service, and to say who is at work."""

from typing import Protocol

from app.domain.census import Census, Process


class Muster(Protocol):
    async def count(self) -> Census:
        """In one question. Raises BackendUnavailable."""
        ...

    async def seen(self, process: Process) -> None:
        """It is at work now."""
        ...

    async def gone(self, name: str) -> None:
        """It has ended in good order."""
        ...
