"""What the services need to prove migrations: databases to try them on, and a place for the verdicts."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from app.domain.effects.passage import Place
from app.domain.environment import Environment
from app.domain.job import Attempt
from app.domain.lock_modes import Lock
from app.domain.proof import KnownProofs, Proof, Rows
from app.domain.schema import Key, Snapshot
from app.domain.scratch import Copied, Leftover


class Proofs(Protocol):
    """The newest verdict on each file, by environment, name and raw checksum."""

    async def put(self, proof: Proof) -> Proof:
        """With the time of the database. What could not be checked takes no verdict's place."""
        ...

    async def of(self, environment: str) -> KnownProofs:
        """The same object as long as none has changed."""
        ...


class Scratch(Protocol):
    """A database of our own, and the environment that leads to it."""

    @property
    def environment(self) -> Environment: ...

    @property
    def server_version(self) -> str: ...

    async def fill(self, snapshot: Snapshot, is_halted: Callable[[], bool]) -> Copied:
        """Make it a copy of the target's schema, which is `snapshot`; what it could not carry over it says."""
        ...

    async def snapshot(self) -> Snapshot:
        """The schema as it is now."""
        ...

    async def seed(self) -> tuple[str, ...]:
        """A few rows into each table that has none; the tables that took none, and why."""
        ...

    async def rows(self) -> Mapping[str, Rows]:
        """By table."""
        ...

    async def places(self) -> Mapping[Key, Place]:
        """Of what `snapshot` gives: where each object stands, whatever it is called."""
        ...

    async def locks(self, pid: int) -> tuple[Lock, ...]:
        """What a session holds now: the strongest on each relation that others see, under the name they know."""
        ...


class Scratches(Protocol):
    def environment(self, environment: Environment, attempt: Attempt) -> Environment:
        """What `open` will give, before there is a database."""
        ...

    def open(self, environment: Environment, attempt: Attempt) -> AbstractAsyncContextManager[Scratch]:
        """Create a database for the attempt, drop it at the end; those of its earlier attempts first.

        Raises BackendUnavailable; BackendUnusable where the role may not create one.
        """
        ...

    async def leftovers(self, environment: Environment) -> tuple[Leftover, ...]:
        """What stands on the servers of the environment. Raises BackendUnavailable."""
        ...

    async def drop(self, environment: Environment, leftover: Leftover) -> bool:
        """False when it is gone, or no longer ours."""
        ...
