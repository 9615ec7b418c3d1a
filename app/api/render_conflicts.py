"""Conflicts and schedules as JSON values."""

from uuid import UUID

from app.api.render import Json
from app.api.render_values import moment, plain
from app.api.steps import command_with
from app.domain.conflict import Conflict, ConflictState, Remedy
from app.domain.job import CONTROL
from app.domain.schedule import Schedule
from app.domain.settling import Resolution


def conflict(conflict: Conflict, base_url: str) -> Json:
    collision = conflict.collision
    links = {"self": _href(conflict)}
    jobs = (("job", collision.job_id), ("otherJob", collision.other_job_id), ("resolvedBy", conflict.resolved_by_job))
    for name, job_id in jobs:
        if job_id is not None:
            links[name] = f"/jobs/{job_id}"
    return {
        "id": str(conflict.id),
        "kind": collision.kind.value,
        "environment": collision.environment,
        "state": conflict.state.value,
        "message": collision.message,
        "jobId": _text(collision.job_id),
        "otherJobId": _text(collision.other_job_id),
        "migrations": list(collision.migrations),
        "evidence": plain(collision.evidence),
        "answer": collision.answer,
        "count": conflict.count,
        "firstSeenAt": moment(conflict.first_seen_at),
        "lastSeenAt": moment(conflict.last_seen_at),
        "resolvedAt": moment(conflict.resolved_at),
        "resolution": conflict.resolution,
        "waitedMs": conflict.waited_ms,
        "resolvedBy": conflict.resolved_by,
        "note": conflict.note,
        "resolvedByJobId": _text(conflict.resolved_by_job),
        "ignoredUntil": moment(conflict.ignored_until),
        "remedies": [_remedy(conflict, one, base_url) for one in conflict.remedies],
        "links": links,
    }


def schedule(schedule: Schedule) -> Json:
    links = {"self": f"/schedules/{schedule.name}"}
    if schedule.last_job is not None:
        links["lastJob"] = f"/jobs/{schedule.last_job}"
    return {
        "name": schedule.name,
        "kind": schedule.kind.value,
        "environment": None if schedule.environment == CONTROL else schedule.environment,
        "everyMs": round(schedule.every.total_seconds() * 1000),
        "nextDueAt": moment(schedule.next_due),
        "paused": schedule.paused,
        "lastJobId": _text(schedule.last_job),
        "links": links,
    }


def _remedy(conflict: Conflict, remedy: Remedy, base_url: str) -> Json:
    may_be_asked = conflict.state is ConflictState.OPEN and remedy in conflict.may_be_asked
    return {
        "resolution": str(remedy.resolution),
        "description": remedy.description,
        "command": _command(conflict, remedy, base_url) if may_be_asked else None,
    }


def _command(conflict: Conflict, remedy: Remedy, base_url: str) -> str:
    body = {"resolution": str(remedy.resolution), "note": "why"}
    if remedy.resolution == Resolution.IGNORE_UNTIL:
        body["until"] = "2030-01-31T08:00:00Z"
    return command_with("POST", f"{_href(conflict)}/resolve", base_url, body)


def _href(conflict: Conflict) -> str:
    return f"/migrations/conflicts/{conflict.id}"


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
