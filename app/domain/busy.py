"""What a request that would not queue meets: the open job that answers it."""

from collections.abc import Sequence

from app.domain.job import Job, JobRequest, OnBusy


def in_the_way(request: JobRequest, open_jobs: Sequence[Job]) -> Job | None:
    """The open job that answers a request which would not queue: the one to join, or the first one."""
    match request.on_busy:
        case OnBusy.QUEUE:
            return None
        case OnBusy.JOIN:
            return next((job for job in open_jobs if job.request.kind is request.kind), None)
        case OnBusy.FAIL:
            return next(iter(open_jobs), None)
