"""JobControl over the store in memory."""

from dataclasses import replace
from typing import Any

from app.domain.job import Job, JobId, JobState
from app.domain.principal import Principal
from tests.fakes.jobs import JobStore


class MemoryWishes:
    """Implements ports.JobControl."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    async def cancel(self, job_id: JobId, by: Principal, request_id: str | None = None) -> Job | None:
        row = self._store.rows.get(job_id)
        if row is None or row.job.state.final:
            return None
        row.wishes = replace(row.wishes, cancelled_by=row.wishes.cancelled_by or by.label)
        asked: dict[str, Any] = {"cancel_requested_at": row.job.cancel_requested_at or self._store.clock.now()}
        untouched = row.job.starts == 0 and row.job.attempt == row.held_nothing
        if row.job.state is not JobState.RUNNING and untouched:
            asked |= {
                "state": JobState.CANCELLED,
                "reason": "by_user",
                "message": f"cancelled by {by.label} before it had started",
                "finished_at": self._store.clock.now(),
            }
        self._store.change(row, **asked)
        return row.job

    async def pause(self, job_id: JobId, by: Principal, request_id: str | None = None) -> Job | None:
        return self._set_paused(job_id, by.label)

    async def resume(self, job_id: JobId, by: Principal, request_id: str | None = None) -> Job | None:
        return self._set_paused(job_id, None)

    def _set_paused(self, job_id: JobId, by: str | None) -> Job | None:
        row = self._store.rows.get(job_id)
        if row is None or row.job.state.final:
            return None
        row.wishes = replace(row.wishes, paused_by=by and (row.wishes.paused_by or by))
        self._store.change(row, paused_by=row.wishes.paused_by)
        return row.job
