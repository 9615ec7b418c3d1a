"""What the services need of a target database."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from app.domain.drift import Kept, Sight
from app.domain.environment import Environment, Protection
from app.domain.failure import Failure
from app.domain.history import LedgerEvent
from app.domain.job import (
    Attempt,
    Ended,
)
from app.domain.ledger import History
from app.domain.locks import LockSample
from app.domain.pinned import Pinned
from app.domain.server_progress import ServerProgress
from app.domain.step import Plan, Step


@dataclass(frozen=True, slots=True)
class Acquired:
    epoch: int


@dataclass(frozen=True, slots=True)
class DoneBefore:
    """An earlier attempt had finished the job in the target, but could not say so."""

    outcome: Ended


@dataclass(frozen=True, slots=True)
class FenceBusy:
    """Another job is sticky on the target, or a newer attempt of this one holds it."""

    job_id: UUID | None
    attempt: int | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a step may wait and run for, in ms; 0 switches a limit off.

    The last two are for statements outside a transaction: who waits for one of those stands in nobody's way.
    """

    lock_timeout_ms: int
    data_lock_timeout_ms: int
    statement_timeout_ms: int
    idle_timeout_ms: int
    alone_lock_timeout_ms: int = 600_000
    alone_statement_timeout_ms: int = 86_400_000


@dataclass(frozen=True, slots=True)
class TargetView:
    """What a question may see of a target; `protection` is the one recorded in it, if any.

    `holder` is the job that has begun there and is not over. `sight`: its schema, where that was looked at;
    `unread`: it was to be, and somebody holds locked what would have to be read.
    `server_major`: of the server's version.
    """

    history: History
    environment: str | None = None
    protection: Protection | None = None
    holder: UUID | None = None
    sight: Sight | None = None
    unlocked: bool = False
    unread: bool = False
    server_major: int | None = None


class Guide(Protocol):
    """What whoever carries out a step may ask those who look after it, and tell them."""

    def is_halted(self) -> bool:
        """Somebody has asked the job to stop."""
        ...

    def is_paused(self) -> bool:
        """It is to go no further for now: what is under way is finished first."""
        ...

    def keeps_others_waiting(self) -> bool: ...

    def say(self, message: str) -> None:
        """How far it is, for the job's message."""
        ...

    def note(self, ordinal: int, text: str) -> None:
        """What has become of a step, to be read beside it."""
        ...

    def heard(self, ordinal: int, line: str) -> None:
        """A line that its script has said while it ran."""
        ...

    async def before_commit(self) -> None:
        """Everything is carried out and recorded; of what has no transaction nobody is told."""
        ...


class Unguided:
    """Nobody looks after it: a Guide for those who install Liftlock itself."""

    def is_halted(self) -> bool:
        return False

    def is_paused(self) -> bool:
        return False

    def keeps_others_waiting(self) -> bool:
        return False

    def say(self, message: str) -> None:
        pass

    def note(self, ordinal: int, text: str) -> None:
        pass

    def heard(self, ordinal: int, line: str) -> None:
        pass

    async def before_commit(self) -> None:
        pass


UNGUIDED = Unguided()


class Observer(Protocol):
    """A connection beside the one that works: what it sees of it, and how it stops it."""

    async def sample(self, pid: int, step: int | None) -> LockSample: ...

    async def progress(self, pid: int) -> ServerProgress | None:
        """How far the statement is that the session is carrying out, where the server keeps count of such ones."""
        ...

    async def cancel(self, pid: int) -> None:
        """End the statement that the session is carrying out, if it is one of this job's."""
        ...


class Observers(Protocol):
    def open(self, environment: Environment, attempt: Attempt) -> AbstractAsyncContextManager[Observer]:
        """Raises BackendUnavailable."""
        ...


class TargetSession(Protocol):
    """One attempt's connection to one target; it reconnects by itself when the connection is lost."""

    @property
    def backend_pid(self) -> int | None:
        """The server process that works for us now; another one after a reconnect."""
        ...

    async def acquire(self, attempt: Attempt, nonce: UUID) -> Acquired | DoneBefore | FenceBusy:
        """F1, then `job_done` in the same transaction."""
        ...

    async def pin(self, plan: Callable[[TargetView], Plan]) -> tuple[Pinned, History]:
        """Look again under the fence: pin the plan made of what is there now, or read the pinned one.

        With the schema, where the environment has it checked.
        """
        ...

    async def apply(self, first: int, steps: Sequence[Step], limits: Limits, guide: Guide = UNGUIDED) -> int:
        """One transaction: fence check, the steps numbered from `first`, their ledger rows, COMMIT.

        A step that an earlier attempt has committed is left out. Once halted, a Python file may send
        nothing more: it could catch the error of a cancelled statement and go on for ever. Returns the
        duration in ms. Raises StepFailed, TransactionEnded, LockNotAvailable, ConnectionLost or Fenced.
        """
        ...

    async def record_failure(self, ordinal: int, step: Step, failure: Failure, undo: Sequence[Step]) -> None:
        """The ledger's `failed` row, and the plan of the way back, in one transaction."""
        ...

    async def finish(self, outcome: Ended) -> Kept | None:
        """F3: the outcome marker, the schema as the job leaves it (None where it is not known), the target is free."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class LedgerWanted:
    """Events of the ledger before the moment `at`, and at it those with a smaller id than `id`, newest first."""

    limit: int
    at: datetime
    id: int
    name: str | None = None


class Targets(Protocol):
    def open(self, environment: Environment, attempt: Attempt) -> AbstractAsyncContextManager[TargetSession]:
        """Raises BackendUnavailable when the target cannot be reached or used."""
        ...

    async def read(self, environment: Environment) -> TargetView:
        """Reads only; a target without a ledger has an empty history. Raises BackendUnavailable."""
        ...

    async def past(self, environment: Environment, wanted: LedgerWanted) -> tuple[LedgerEvent, ...]:
        """What its ledger says was done; nothing where there is none. Raises BackendUnavailable."""
        ...

    async def ended(self, environment: Environment, jobs: Sequence[UUID]) -> frozenset[UUID]:
        """Those of `jobs` whose end the target has on record. Raises BackendUnavailable."""
        ...

    async def release(self, environment: Environment, stranded: UUID, outcome: Ended) -> None:
        """End the sessions of the job `stranded`, write its outcome, free the target if it holds it.

        Raises BackendUnavailable.
        """
        ...
