"""The jobs that a job over several targets has, as JSON values."""

from typing import Any

from app.domain.job import Job
from app.domain.shown import state_of

PENDING = "pending"


def children(job: Job) -> dict[str, Any]:
    """One for each target, in their order; of those whose turn has not come there is no job yet."""
    convoy = job.request.convoy
    if convoy is None:
        return {}
    made = {part.request.environment: part for part in job.parts}
    return {"children": [_child(target, made.get(target), ended=job.state.final) for target in convoy.targets]}


def _child(target: str, job: Job | None, *, ended: bool) -> dict[str, Any]:
    if job is None:
        state = "cancelled" if ended else PENDING
        return {"environment": target, "id": None, "state": state, "reason": None, "message": None, "links": {}}
    return {
        "environment": target,
        "id": str(job.id),
        "state": state_of(job),
        "reason": job.reason,
        "message": job.message,
        "links": {"self": f"/jobs/{job.id}"},
    }
