"""What is told of the end of a job beside that it has ended."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.job import Job, JobState


@dataclass(frozen=True, slots=True)
class NothingDone:
    """How a job ended that the first worker to take it found to have nothing to do: there is no more to know of it."""

    message: str
    started_at: datetime
    finished_at: datetime
    updated_at: datetime

    def of(self, job: Job) -> Job | None:
        """The job as it is now, of what was known when it was asked for; None where more may have become of it."""
        if job.state is not JobState.QUEUED or job.attempt or job.paused_by or job.cancelling or job.parts:
            return None
        return replace(
            job,
            state=JobState.SUCCEEDED,
            reason="nothing_to_do",
            message=self.message,
            attempt=1,
            started_at=self.started_at,
            finished_at=self.finished_at,
            updated_at=self.updated_at,
        )
