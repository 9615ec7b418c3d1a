"""What the API needs of the events in the control database."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from app.domain.events import Event

Hear = Callable[[Event], None]
"""Called on the feed's loop with each event; it must not wait."""


@dataclass(frozen=True, slots=True)
class EventsWanted:
    """Events with `after` < id ≤ `until`, oldest first; of one job where it is named."""

    after: int
    until: int | None = None
    limit: int = 500
    job_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class LogPart:
    """Whole lines: those that hold the bytes from `first` to `last`, both counted from 0, of a log of a job."""

    job_id: UUID
    first: int
    last: int


class EventLog(Protocol):
    """Rows are only ever added, in the order of their ids: who has seen one has seen all before it."""

    async def find(self, wanted: EventsWanted) -> tuple[Event, ...]: ...

    async def newest(self) -> int:
        """0 when there is none."""
        ...

    async def log_bytes(self, job_id: UUID) -> int:
        """How long the log of the job is."""
        ...

    async def lines(self, part: LogPart, limit: int) -> tuple[Event, ...]:
        """The first `limit` of them, with no more than a line takes."""
        ...

    async def last_lines(self, job_id: UUID, count: int) -> int:
        """Where in the log its last `count` lines begin."""
        ...


class EventFeed(Protocol):
    """One listener for all streams of a process."""

    async def join(self, topics: Collection[str], hear: Hear) -> int:
        """Hear of every event of `topics` whose id is greater than the one returned."""
        ...

    async def leave(self, hear: Hear) -> None: ...
