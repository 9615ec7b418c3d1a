"""The jobs that one job over several targets has made, one for each."""

from typing import Protocol

from app.domain.job import Job, JobId
from app.ports.control import NewJob


class Convoys(Protocol):
    async def add(self, parent: JobId, place: int, job: NewJob) -> Job:
        """Commit the job of the target at this place, or give the one that was made for it before."""
        ...

    async def of(self, parent: JobId) -> tuple[Job, ...]:
        """In the order of their places, without their steps."""
        ...
