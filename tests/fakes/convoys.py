"""Convoys over the store in memory."""

from app.domain.job import Job, JobId
from app.ports import NewJob
from tests.fakes.jobs import JobStore, MemoryJobs


class MemoryConvoys:
    """Implements ports.Convoys."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._places = store.places

    async def add(self, parent: JobId, place: int, job: NewJob) -> Job:
        known = self._places.get((parent, place))
        if known is not None:
            return self._store.rows[known].job
        added = await MemoryJobs(self._store).add(job)
        self._places[parent, place] = added.id
        return added

    async def of(self, parent: JobId) -> tuple[Job, ...]:
        mine = sorted((place, job_id) for (of, place), job_id in self._places.items() if of == parent)
        return tuple(self._store.rows[job_id].job for _, job_id in mine)
