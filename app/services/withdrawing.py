"""What was written for a job that has ended before it began: nobody is to find it among the migrations."""

from app.domain.approval import was_rejected
from app.domain.job import Job, JobState
from app.ports import Drafts


class Withdrawals:
    def __init__(self, drafts: Drafts) -> None:
        self._drafts = drafts

    async def after(self, job: Job) -> Job:
        """The job as it is. Of one that was rejected, or cancelled before it had started, the draft is removed.

        One that has started has recorded it as applied, or may have.
        """
        settling = job.request.settling
        draft = None if settling is None else settling.draft
        never_began = job.attempt == 0 or was_rejected(job)
        if draft is not None and job.state is JobState.CANCELLED and never_began:
            await self._drafts.remove(draft)
        return job
