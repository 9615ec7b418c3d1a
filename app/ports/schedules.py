"""What the services need of the table of schedules."""

from collections.abc import Sequence
from typing import Protocol

from app.domain.job import JobId, JobKind, Origin
from app.domain.schedule import Schedule, Wanted


class Schedules(Protocol):
    async def all(self) -> tuple[Schedule, ...]:
        """By name."""
        ...

    async def keep(self, kind: JobKind, wanted: Sequence[Wanted], left_alone: Sequence[str] = ()) -> None:
        """Of this kind just these, and those named in `left_alone` as they are.

        What is new or has another rhythm is due after its time; what is paused stays so.
        """
        ...

    async def tick(self) -> tuple[JobId, ...]:
        """A job for every schedule that is due, and its next moment: committed together, once however many tick.

        What was missed is made up for once; while a job of the schedule is still open, there is no other.
        """
        ...

    async def pause(self, name: str, origin: Origin) -> Schedule | None:
        """None when there is no such schedule; otherwise paused, and on the audit trail."""
        ...

    async def resume(self, name: str, origin: Origin) -> Schedule | None: ...

    async def ran(self, name: str, job_id: JobId) -> None:
        """Somebody has run it now: that is its newest job."""
        ...
