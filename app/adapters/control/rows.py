"""Rows of the control database as domain values."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from app.adapters.codec import FAILURE, REQUEST
from app.domain.conflict import Collision, Conflict, ConflictKind, ConflictState
from app.domain.job import CONTROL, Job, JobId, JobKind, JobState, Origin, StepRecord
from app.domain.principal import Principal
from app.domain.schedule import Schedule

Columns = RowMapping | Mapping[str, Any]

JOB_KINDS = tuple(kind.value for kind in JobKind)
CONFLICT_KINDS = tuple(kind.value for kind in ConflictKind)
"""What this release knows of. A newer one that works on the same tables, or did so before somebody went back, may have
left others there: they are passed over, and kept for it."""


def job_of(row: Columns, steps: Sequence[StepRecord] = ()) -> Job:
    return Job(
        id=JobId(row["id"]),
        request=REQUEST.validate_python(row["request"]),
        state=JobState(row["state"]),
        reason=row["reason"],
        message=row["message"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        seq=row["seq"],
        attempt=row["attempt"],
        starts=row["starts"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        lease_until=row["lease_until"],
        error=_failure(row["error"]),
        notices=tuple(row["notices"]),
        origin=Origin(
            Principal(row["principal_id"], row["principal_kind"], row["principal_address"], row["principal_name"]),
            row["request_id"],
            row["traceparent"],
        ),
        steps=tuple(steps),
        cancel_requested_at=row["cancel_requested_at"],
        paused_by=row["paused_by"],
        not_before=row["not_before"],
        approvals_needed=row["approvals_needed"],
    )


def conflict_of(row: Columns) -> Conflict:
    collision = Collision(
        kind=ConflictKind(row["kind"]),
        message=row["message"],
        fingerprint=row["fingerprint"],
        environment=row["environment"],
        job_id=_uuid(row["job_id"]),
        other_job_id=_uuid(row["other_job_id"]),
        migrations=tuple(row["migrations"]),
        evidence=row["evidence"],
        answer=row["answer"],
    )
    return Conflict(
        id=UUID(str(row["id"])),
        collision=collision,
        state=ConflictState(row["state"]),
        count=row["count"],
        first_seen_at=row["first_seen_at"],
        last_seen_at=row["last_seen_at"],
        resolved_at=row["resolved_at"],
        resolution=row["resolution"],
        waited_ms=row["waited_ms"],
        resolved_by=row["resolved_by"],
        note=row["note"],
        resolved_by_job=_uuid(row["resolved_by_job"]),
        ignored_until=row["ignored_until"],
    )


def schedule_of(row: Columns) -> Schedule:
    return Schedule(
        name=row["name"],
        kind=JobKind(row["kind"]),
        every=row["every"],
        next_due=row["next_due"],
        paused=row["paused"],
        last_job=None if row["last_job"] is None else JobId(row["last_job"]),
        environment=row["environment"] or CONTROL,
    )


def _failure(value: Any) -> Any:
    return None if value is None else FAILURE.validate_python(value)


def _uuid(value: Any) -> UUID | None:
    return None if value is None else UUID(str(value))
