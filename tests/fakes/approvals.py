"""Approvals in memory, over the store of jobs."""

from datetime import datetime
from typing import Any

from app.domain.approval import Vote
from app.domain.job import Job, JobId, JobState, Origin
from tests.fakes.jobs import JobStore, Row


class MemoryApprovals:
    """Implements ports.Approvals."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._votes: dict[JobId, list[Vote]] = {}

    async def approve(self, job_id: JobId, by: Origin, note: str | None, not_before: datetime | None) -> Job | None:
        row = self._voted(job_id, by, note, approved=True)
        if row is None:
            return None
        left = row.job.approvals_needed - 1
        values: dict[str, Any] = {"approvals_needed": left, "message": f"approved by {by.principal.label}; it waits"}
        if left == 0 and not_before is not None:
            values |= {"reason": "window", "not_before": not_before}
        elif left == 0:
            row.due = self._store.clock.now()
            values |= {
                "state": JobState.QUEUED,
                "reason": "for_worker",
                "not_before": None,
                "seq": self._store.next_place(),
            }
        self._store.change(row, **values)
        return row.job

    async def require(self, job_id: JobId, asked: int, attempt: int | None = None) -> Job | None:
        row = self._store.rows.get(job_id)
        given = sum(vote.approved for vote in self._votes.get(job_id, ()))
        if row is None or asked - given <= row.job.approvals_needed or not _may_wait(row, attempt):
            return None
        row.held_nothing += row.job.state is JobState.RUNNING
        row.owner, row.parked = None, False
        self._store.change(row, seq=None, lease_until=None, started_at=None, **self._instead(row, asked, given))
        return row.job

    def _instead(self, row: Row, asked: int, given: int) -> dict[str, Any]:
        if row.job.cancel_requested_at is not None:
            return {
                "state": JobState.CANCELLED,
                "reason": "by_user",
                "approvals_needed": 0,
                "message": f"cancelled by {row.wishes.cancelled_by} before it had started",
                "finished_at": self._store.clock.now(),
            }
        return {
            "state": JobState.WAITING,
            "reason": "approval",
            "approvals_needed": asked - given,
            "message": f"{row.job.request.environment} asks for {asked} approvals by now; it has {given} and waits for "
            f"{asked - given} more",
        }

    async def reject(self, job_id: JobId, by: Origin, note: str | None) -> Job | None:
        row = self._voted(job_id, by, note, approved=False)
        if row is None:
            return None
        said = f"rejected by {by.principal.label}" + ("" if note is None else f": {note}")
        self._store.change(
            row,
            state=JobState.CANCELLED,
            reason="rejected",
            approvals_needed=0,
            message=said,
            finished_at=self._store.clock.now(),
        )
        return row.job

    async def of(self, job_id: JobId) -> tuple[Vote, ...]:
        return tuple(self._votes.get(job_id, ()))

    def _voted(self, job_id: JobId, by: Origin, note: str | None, *, approved: bool) -> Row | None:
        row = self._store.rows.get(job_id)
        if row is None or row.job.state is not JobState.WAITING or row.job.approvals_needed == 0:
            return None
        votes = self._votes.setdefault(job_id, [])
        if any((one.by.kind, one.by.id) == (by.principal.kind, by.principal.id) for one in votes):
            return None
        votes.append(Vote(by.principal, self._store.clock.now(), approved, note))
        return row


def _may_wait(row: Row, attempt: int | None) -> bool:
    job = row.job
    match job.state:
        case JobState.WAITING:
            return True
        case JobState.QUEUED:
            return job.starts == 0 and job.attempt == row.held_nothing
        case JobState.RUNNING:
            return job.starts == 0 and job.attempt == attempt
        case _:
            return False
