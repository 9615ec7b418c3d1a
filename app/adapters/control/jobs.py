"""JobBoard on PostgreSQL: jobs as those see them who ask for them."""

import json
from contextlib import AbstractAsyncContextManager
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.adapters.codec import FAILURE, REQUEST
from app.adapters.control.announcements import Announcements, Watcher
from app.adapters.control.database import ControlDatabase
from app.adapters.control.rows import job_of, step_of
from app.adapters.control.tables import audit, job_events, job_steps, jobs, targets
from app.domain.errors import IdempotencyInProgress
from app.domain.job import Job, JobId, JobState
from app.ports import JobQuery, KeyClaim, NewJob

OPEN = (JobState.QUEUED.value, JobState.RUNNING.value)
FIRST_RING_GRACE_S = 5

_TARGET = text("""
    WITH made AS (
        INSERT INTO liftlock_control.targets (name) VALUES (:name) ON CONFLICT (name) DO NOTHING RETURNING id
    )
    SELECT id FROM made UNION ALL SELECT id FROM liftlock_control.targets WHERE name = :name
""")
_SAME_JOB = text("""
    SELECT j.* FROM liftlock_control.jobs j, pg_advisory_xact_lock(hashtextextended(:key, 0))
    WHERE j.dedupe_key = :key AND j.created_at > clock_timestamp() - make_interval(secs => :within_s)
    ORDER BY j.created_at DESC LIMIT 1
""")
_TAKE_DEDUPE_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_USE_KEY = text("""
    UPDATE liftlock_control.idempotency_keys SET job_id = :job_id
    WHERE client = :client AND key = :key AND token = :token RETURNING 1
""")


class ControlJobs:
    """Implements ports.JobBoard."""

    def __init__(self, database: ControlDatabase, announcements: Announcements) -> None:
        self._database = database
        self._announcements = announcements

    async def add(self, job: NewJob) -> Job:
        async with self._database.begin() as connection:
            if job.dedupe_key is not None:
                twin = await _twin(connection, job.dedupe_key, job.dedupe_within_s)
                if twin is not None:
                    return twin
            if job.idempotency is not None:
                await _use_key(connection, job.idempotency, job.id)
            return await _insert(connection, job)

    async def get(self, job_id: JobId) -> Job | None:
        async with self._database.begin() as connection:
            row = (await connection.execute(select(jobs).where(jobs.c.id == job_id))).mappings().first()
            if row is None:
                return None
            steps = select(job_steps).where(job_steps.c.job_id == job_id).order_by(job_steps.c.ordinal)
            return job_of(row, [step_of(step) for step in (await connection.execute(steps)).mappings()])

    async def find(self, query: JobQuery) -> tuple[Job, ...]:
        wanted = select(jobs).order_by(jobs.c.id.desc()).limit(query.limit)
        if query.before is not None:
            wanted = wanted.where(jobs.c.id < query.before)
        if query.state is not None:
            wanted = wanted.where(jobs.c.state == query.state.value)
        if query.kind is not None:
            wanted = wanted.where(jobs.c.kind == query.kind.value)
        if query.environment is not None:
            wanted = wanted.join(targets, targets.c.id == jobs.c.target_id).where(targets.c.name == query.environment)
        async with self._database.begin() as connection:
            return tuple(job_of(row) for row in (await connection.execute(wanted)).mappings())

    async def open_on(self, environment: str) -> tuple[Job, ...]:
        wanted = (
            select(jobs)
            .join(targets, targets.c.id == jobs.c.target_id)
            .where(targets.c.name == environment, jobs.c.state.in_(OPEN))
            .order_by(jobs.c.seq)
        )
        async with self._database.begin() as connection:
            return tuple(job_of(row) for row in (await connection.execute(wanted)).mappings())

    def watch(self, job_id: JobId) -> AbstractAsyncContextManager[Watcher]:
        return self._announcements.watch(job_id)


async def _twin(connection: AsyncConnection, key: str, within_s: int) -> Job | None:
    """The lock comes in a statement of its own: a snapshot taken before waiting for it would miss the twin."""
    await connection.execute(_TAKE_DEDUPE_LOCK, {"key": key})
    row = (await connection.execute(_SAME_JOB, {"key": key, "within_s": within_s})).mappings().first()
    return None if row is None else job_of(row)


async def _use_key(connection: AsyncConnection, claim: KeyClaim, job_id: JobId) -> None:
    """The job and its key commit together; a request that was given up for dead cannot add one more."""
    used = await connection.execute(
        _USE_KEY, {"job_id": job_id, "client": claim.client, "key": claim.key, "token": claim.token}
    )
    if used.first() is None:
        raise IdempotencyInProgress(
            f"another request with the Idempotency-Key {claim.key!r} has taken over; ask again for its answer"
        )


async def _insert(connection: AsyncConnection, job: NewJob) -> Job:
    target_id = (await connection.execute(_TARGET, {"name": job.request.environment})).scalar_one()
    row = (await connection.execute(insert(jobs).values(**_values(job, target_id)).returning(jobs))).mappings().one()
    state = row["state"]
    await connection.execute(
        insert(job_events), {"job_id": job.id, "to_state": state, "attempt": 0, "reason": row["reason"]}
    )
    await connection.execute(insert(audit), _audit_values(job))
    return job_of(row)


def _values(job: NewJob, target_id: int) -> dict[str, Any]:
    origin, finished = job.origin, job.finished
    now = text("clock_timestamp()")
    values: dict[str, Any] = {
        "id": job.id,
        "target_id": target_id,
        "kind": job.request.kind.value,
        "request": REQUEST.dump_python(job.request, mode="json"),
        "dedupe_key": job.dedupe_key,
        "principal_id": origin.principal.id,
        "principal_kind": origin.principal.kind,
        "principal_address": origin.principal.address,
        "request_id": origin.request_id,
        "traceparent": origin.traceparent,
    }
    if finished is None:
        queued = {
            "seq": text("nextval('liftlock_control.job_seq')"),
            "state": JobState.QUEUED.value,
            "reason": "for_worker",
            "message": job.message,
            "notices": [],
            "dispatches": 1,
            "next_dispatch_at": text(f"clock_timestamp() + interval '{FIRST_RING_GRACE_S} s'"),
        }
        return values | queued
    return values | {
        "state": finished.state.value,
        "reason": finished.reason,
        "message": finished.message,
        "notices": list(finished.notices),
        "error": None if finished.error is None else FAILURE.dump_python(finished.error, mode="json"),
        "finished_at": now,
    }


def _audit_values(job: NewJob) -> dict[str, Any]:
    return {
        "principal_id": job.origin.principal.id,
        "principal_kind": job.origin.principal.kind,
        "principal_address": job.origin.principal.address,
        "request_id": job.origin.request_id,
        "action": f"migrations.{job.request.kind}",
        "environment": job.request.environment,
        "subject": str(job.id),
        "detail": json.loads(REQUEST.dump_json(job.request)),
    }
