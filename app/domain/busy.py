"""What is in the way of a job, or of a request that would not queue: the open jobs of the target."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.domain.convoying import UNDER_WAY
from app.domain.job import Job, JobRequest, JobState, OnBusy

_FOR_WORKER, _FOR_TARGET = "for_worker", "for_target"
_WAITS = " is waiting for a worker"


def waits_for_worker(job: Job) -> bool:
    return job.state is JobState.QUEUED and job.reason == _FOR_WORKER


def in_its_place(job: Job, open_jobs: Sequence[Job]) -> Job:
    """A job that no worker has tried, with whom it waits for: a worker, or the job of the target before it."""
    before = [one for one in open_jobs if one.seq is not None and job.seq is not None and one.seq < job.seq]
    if not before or not waits_for_worker(job):
        return job
    first = next((one for one in before if _at_work(one)), before[0])
    who = f"job {first.id} ({first.request.kind}), which {'has' if _at_work(first) else 'waits for'}"
    return replace(
        job, reason=_FOR_TARGET, message=f"{job.message.removesuffix(_WAITS)} is waiting behind {who} the target"
    )


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
    return (job.started_at if _at_work(job) else None) or job.created_at


def its_standing(job: Job, environment: str) -> str:
    """How an open job stands to the target: only one that is at work has it, and only since it began."""
    since = at_it_since(job).isoformat()
    if job.reason == UNDER_WAY:
        return f"has been at work on the targets of {job.request.environment} since {since}"
    stands = "had" if _at_work(job) else "been waiting for"
    return f"has {stands} the target of {environment} since {since}"


def _at_work(job: Job) -> bool:
    """Also one of several targets while they have their turns, which occupies no worker then."""
    return job.state is JobState.RUNNING or job.reason == UNDER_WAY
