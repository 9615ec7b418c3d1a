"""The state of a job as people see it."""

from app.domain.convoying import UNDER_WAY
from app.domain.job import Job, JobState


def state_of(job: Job) -> str:
    """`cancelling` while it has been asked to stop; `running` also while the jobs of its targets are at work for it."""
    if job.cancelling:
        return "cancelling"
    leads = job.state is JobState.QUEUED and job.reason == UNDER_WAY
    return JobState.RUNNING.value if leads else job.state.value
