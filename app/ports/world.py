"""What the services need of files, of Redis and of the machine."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.domain.job import (
    Attempt,
    JobId,
)
from app.domain.migration import Catalog
from app.domain.problem import Problem
from app.domain.step import Step


class Source(Protocol):
    """A folder of migrations."""

    async def read(self) -> Catalog:
        """Every migration and every problem; never raises for the content of a file."""
        ...

    def unloadable(self, steps: Sequence[Step]) -> tuple[Problem, ...]:
        """Load the Python files of these steps, as running them would; what is wrong with them."""
        ...


class Drafts(Protocol):
    """Where a migration that Liftlock has written goes."""

    async def add(self, file: str, text: str) -> None:
        """A new file among the migrations. Raises FolderNotWritable, with the text, also when there is one."""
        ...

    async def remove(self, file: str) -> None: ...


class Doorbell(Protocol):
    """Rings workers. A lost ring costs seconds, never a job."""

    async def ring(self, job_id: JobId) -> bool:
        """False when the broker cannot be reached."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """We hold the lease. `reachable` False: Redis is away, and the fence alone decides."""

    reachable: bool = True


@dataclass(frozen=True, slots=True)
class HeldElsewhere:
    """Somebody else does, for `ttl_ms` more."""

    job_id: str
    attempt: int
    ttl_ms: int


class Leases(Protocol):
    """The timed right to work on a target, in Redis: politeness, never safety."""

    def hold(
        self, environment: str, attempt: Attempt, nonce: UUID
    ) -> AbstractAsyncContextManager[Held | HeldElsewhere]: ...

    async def renew(self, environment: str, attempt: Attempt, nonce: UUID) -> bool:
        """False when another has it; True when it is ours, or Redis cannot say."""
        ...


class Clock(Protocol):
    def now(self) -> datetime: ...

    async def pause(self, seconds: float) -> None: ...

    def random(self) -> float:
        """In [0, 1)."""
        ...

    def new_id(self) -> UUID:
        """A UUIDv7: ids sort by their time of birth."""
        ...
