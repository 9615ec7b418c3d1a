"""What was written for a job that has ended before it began: nobody is to find it among the migrations."""

from app.domain.job import Job, JobState
from app.ports import Drafts


class Withdrawals:
    def __init__(self, drafts: Drafts) -> None:
        self._drafts = drafts

    async def after(self, job: Job) -> Job:
        """The job as it is, just after it was stopped. Where that has ended it, it had not started: no draft is left.

        One that has started has recorded it as applied, or may have; it is only asked to stop.
        """
        settling = job.request.settling
        draft = None if settling is None else settling.draft
        if draft is not None and job.state is JobState.CANCELLED:
            await self._drafts.remove(draft)
        return job
