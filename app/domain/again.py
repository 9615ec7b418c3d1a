"""Whether a job may be asked for once more as it was, and what to do where it may not."""

from collections.abc import Sequence

from app.domain.errors import NotSafeToRetry
from app.domain.job import LEFT_OPEN, Job, JobKind, JobState, StepState


def refuse_unsafe_retry(job: Job, later: Sequence[Job]) -> None:
    """`later`: the jobs of its environment that came after it. Raises NotSafeToRetry."""
    if job.request.kind is JobKind.VERIFY:
        raise _refusal(job, "has tried migrations elsewhere; ask for a new proof", ("POST /migrations/verify",))
    if not job.request.kind.writes_target:
        raise _refusal(job, "is a chore of Liftlock's own", (f"POST /schedules/{job.request.schedule}/run",))
    if not job.state.final:
        raise _refusal(job, "has not ended", (f"GET /jobs/{job.id}?wait=30", f"POST /jobs/{job.id}/cancel"))
    if job.state is JobState.SUCCEEDED:
        raise _refusal(job, "has succeeded, so there is nothing to try again", ("GET /migrations",))
    if job.state is JobState.NEEDS_ATTENTION:
        raise _refusal(job, f"needs somebody to look first: {job.message}", _next_steps(job))
    if job.error is not None and not job.error.safe_to_retry:
        raise _refusal(job, f"has left something behind: {job.error.left_behind}", _next_steps(job))
    begun = job.request.convoy is not None and job.attempt > 0
    if job.request.kind is JobKind.ROLLBACK and job.request.to is None and begun:
        raise _refusal(
            job,
            "may have undone it in some of its targets, where it would undo more; ask for those that are left",
            (f"GET /jobs/{job.id}",),
        )
    if job.request.kind is JobKind.ROLLBACK:
        _refuse_uncounted(job, later)


def _refuse_uncounted(job: Job, later: Sequence[Job]) -> None:
    """A rollback counts from the newest migration: what has been undone or run since moves what it means."""
    undone = sum(step.state is StepState.APPLIED for step in job.steps)
    asked = job.request.count or 1
    asked_by_count = job.request.to is None
    if undone and asked_by_count:
        left = asked - undone
        steps = (f"POST /migrations/rollback/{left}",) if left > 0 else ("GET /migrations",)
        raise _refusal(job, f"has undone {undone} of {asked} already and would undo {asked} more", steps)
    if asked_by_count and any(step.notice == LEFT_OPEN for step in job.steps):
        raise _refusal(job, "may have undone more than it shows, and would then undo too much", ("GET /migrations",))
    since = next((other for other in later if other.started_at is not None), None)
    if since is not None:
        raise _refusal(
            job, f"was followed by job {since.id}, so it would undo something else now", ("GET /migrations",)
        )


def _next_steps(job: Job) -> tuple[str, ...]:
    return job.error.next_steps if job.error is not None and job.error.next_steps else ("GET /migrations",)


def _refusal(job: Job, why: str, next_steps: tuple[str, ...]) -> NotSafeToRetry:
    return NotSafeToRetry(
        f"job {job.id} {why}",
        facts={
            "jobId": str(job.id),
            "environment": job.request.environment,
            "state": job.state.value,
            "reason": job.reason,
        },
        next_steps=next_steps,
    )
