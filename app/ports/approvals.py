"""What people have said of jobs that wait for their word, and how many of them are asked for."""

from datetime import datetime
from typing import Protocol

from app.domain.approval import Vote
from app.domain.job import Job, JobId, Origin


class Approvals(Protocol):
    """Words on jobs that wait for them; each is on the audit trail."""

    async def approve(self, job_id: JobId, by: Origin, note: str | None, not_before: datetime | None) -> Job | None:
        """One more approval. With the last that is needed the job waits for `not_before` alone, or is queued.

        None when it waits for no approval any more, or this principal has approved it before.
        """
        ...

    async def require(self, job_id: JobId, asked: int, attempt: int | None = None) -> Job | None:
        """At least `asked` approvals, those counted that it has; where some are missing it waits for them again, or is
        over, as cancelled, where somebody has asked it to stop.

        None where none are, or the job has begun: it is queued and an attempt has had it, or it runs, but for that
        `attempt`, which has not taken the target yet.
        """
        ...

    async def reject(self, job_id: JobId, by: Origin, note: str | None) -> Job | None:
        """It is over, as cancelled. None when it waits for no approval any more."""
        ...

    async def of(self, job_id: JobId) -> tuple[Vote, ...]:
        """Oldest first."""
        ...
