"""What a request that would not queue meets: the open job that answers it."""

from collections.abc import Sequence
from datetime import datetime

from app.domain.job import Job, JobRequest, JobState, OnBusy


def in_the_way(request: JobRequest, open_jobs: Sequence[Job]) -> Job | None:
    """The open job that answers a request which would not queue: the one to join, or the first one."""
    match request.on_busy:
        case OnBusy.QUEUE:
            return None
        case OnBusy.JOIN:
            return next((job for job in open_jobs if job.request.kind is request.kind), None)
        case OnBusy.FAIL:
            return next(iter(open_jobs), None)


def at_it_since(job: Job) -> datetime:
    """Since when an open job has the target, or waits for it."""
    return (job.started_at if job.state is JobState.RUNNING else None) or job.created_at


def its_standing(job: Job, environment: str) -> str:
    """How an open job stands to the target: only one that runs has it, and only since it began."""
    stands = "had" if job.state is JobState.RUNNING else "been waiting for"
    return f"has {stands} the target of {environment} since {at_it_since(job).isoformat()}"
