"""JobSweep over the store in memory."""

from datetime import timedelta

from app.domain.job import JobId, JobState
from tests.fakes.jobs import JobStore


class MemorySweep:
    """Implements ports.JobSweep."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    async def wake(self, limit: int) -> int:
        now = self._store.clock.now()
        come = [
            row
            for row in self._store.rows.values()
            if row.job.state is JobState.WAITING
            and row.job.approvals_needed == 0
            and row.job.not_before is not None
            and row.job.not_before <= now
        ]
        for row in sorted(come, key=lambda row: (row.job.not_before, row.job.id))[:limit]:
            row.due = now
            self._store.change(
                row,
                state=JobState.QUEUED,
                reason="for_worker",
                message="its window is open; it is waiting for a worker",
                seq=self._store.next_place(),
            )
        return min(len(come), limit)

    async def due(self, limit: int) -> tuple[JobId, ...]:
        now = self._store.clock.now()
        heads = [
            row
            for row in self._store.rows.values()
            if row.job.state is JobState.QUEUED and row.due <= now and self._store.is_head(row)
        ]
        for row in heads[:limit]:
            row.due = now + timedelta(seconds=min(15, 5 * 2 ** min(row.dispatches, 4)))
            row.dispatches, row.parked = row.dispatches + 1, False
        return tuple(row.job.id for row in heads[:limit])

    async def rescue(self, limit: int) -> tuple[JobId, ...]:
        now = self._store.clock.now()
        dead = [
            row
            for row in self._store.rows.values()
            if row.job.state is JobState.RUNNING and row.job.lease_until is not None and row.job.lease_until < now
        ]
        for row in dead[:limit]:
            row.owner, row.due = None, now
            message = "its worker stopped answering; another takes it over where it stood"
            self._store.change(row, state=JobState.QUEUED, reason="rescued", lease_until=None, message=message)
        return tuple(row.job.id for row in dead[:limit])

    async def next_on(self, queue: str) -> JobId | None:
        now = self._store.clock.now()
        head = next(iter(self._store.open_on(queue)), None)
        if head is None or head.job.state is not JobState.QUEUED or not head.parked or head.due > now:
            return None
        head.parked, head.dispatches, head.due = False, head.dispatches + 1, now + timedelta(seconds=5)
        return head.job.id

    async def unrung(self, job_id: JobId) -> None:
        row = self._store.rows.get(job_id)
        if row is not None and row.job.state is JobState.QUEUED:
            row.due = self._store.clock.now() + timedelta(seconds=5)

    async def purge(self) -> int:
        long_ago = self._store.clock.now() - timedelta(days=1)
        for job_id, row in list(self._store.rows.items()):
            ended_idle = row.idle and row.job.state.final
            if ended_idle and row.due_at is not None and row.due_at < long_ago and job_id not in self._store.newest:
                del self._store.rows[job_id]
        return self._store.keys.purge()
