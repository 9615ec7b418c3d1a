"""JobBoard on PostgreSQL: jobs as those see them who ask for them."""

import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from sqlalchemy import Boolean, ColumnElement, DateTime, Integer, Text, Uuid, and_, bindparam, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.adapters.codec import REQUEST, STEPS, to_json
from app.adapters.control.announcements import Announcements, Watcher
from app.adapters.control.database import ControlDatabase, rows_on
from app.adapters.control.direct import Direct, Row
from app.adapters.control.environment_names import concerns
from app.adapters.control.rows import JOB_KINDS, job_of
from app.adapters.control.tables import jobs, targets
from app.domain.busy import in_the_way
from app.domain.convoying import UNDER_WAY
from app.domain.errors import IdempotencyInProgress
from app.domain.job import CONTROL, Job, JobId, JobKind, JobRequest, JobState, OnBusy
from app.ports import JobQuery, KeyClaim, NewJob, first_state

FIRST_RING_GRACE_S = 5
_TEXTS = (
    "environment", "queue", "kind", "request", "state", "reason", "message", "notices", "dedupe_key", "principal_id",
    "principal_kind", "principal_address", "principal_name", "request_id", "traceparent", "action",
)  # fmt: skip

ADD = Direct(
    text("""
    WITH target AS (
        SELECT id FROM liftlock_control.targets WHERE name = :queue FOR UPDATE),
    job AS (
        INSERT INTO liftlock_control.jobs
            (id, seq, target_id, kind, request, state, reason, message, notices, dispatches, next_dispatch_at,
             dedupe_key, principal_id, principal_kind, principal_address, principal_name, request_id, traceparent,
             finished_at, not_before, approvals_needed)
        SELECT :id,
               CASE WHEN :state = 'queued' THEN COALESCE((
                   SELECT min(open.seq) - 1 FROM liftlock_control.jobs open
                   WHERE :goes_first AND open.target_id = target.id AND open.state IN ('queued', 'running')
               ), nextval('liftlock_control.job_seq')) END, target.id, :kind,
               CAST(:request AS jsonb), :state, :reason, :message, CAST(:notices AS jsonb), 1,
               clock_timestamp() + make_interval(secs => :grace_s), :dedupe_key, :principal_id, :principal_kind,
               :principal_address, :principal_name, :request_id, :traceparent,
               CASE WHEN :state NOT IN ('queued', 'waiting') THEN clock_timestamp() END, :not_before,
               :approvals_needed
        FROM target
        RETURNING *),
    event AS (
        INSERT INTO liftlock_control.job_events (job_id, to_state, attempt, reason)
        SELECT job.id, job.state, 0, job.reason FROM job),
    trail AS (
        INSERT INTO liftlock_control.audit
            (principal_id, principal_kind, principal_address, principal_name, request_id, action, environment, subject,
             detail)
        SELECT job.principal_id, job.principal_kind, job.principal_address, job.principal_name, job.request_id, :action,
               :environment, CAST(job.id AS text), job.request FROM job)
    SELECT * FROM job
""")
    .bindparams(*(bindparam(name, type_=Text) for name in _TEXTS))
    .bindparams(bindparam("id", type_=Uuid), bindparam("goes_first", type_=Boolean))
    .bindparams(bindparam("not_before", type_=DateTime(timezone=True)), bindparam("approvals_needed", type_=Integer)),
)
"""The job, its first event and its audit row, in one round trip.

The target's row is locked before the place in its queue is drawn: places are drawn in the order of commits. The
release of a stranded target goes before those that wait for it, or it would wait for them and they for it.
"""

KNOW_TARGET = text("INSERT INTO liftlock_control.targets (name) VALUES (:queue) ON CONFLICT DO NOTHING")
_LOCK_TARGET = text("SELECT 1 FROM liftlock_control.targets WHERE name = :queue FOR UPDATE")

_SAME_JOB = text("""
    SELECT j.* FROM liftlock_control.jobs j, pg_advisory_xact_lock(hashtextextended(:key, 0))
    WHERE j.dedupe_key = :key
      AND (j.state = 'waiting' OR j.created_at > clock_timestamp() - make_interval(secs => :within_s))
    ORDER BY j.created_at DESC LIMIT 1
""")
_GET = Direct(
    text("""
    SELECT j.*, COALESCE((
        SELECT jsonb_agg(to_jsonb(s) - 'job_id' ORDER BY s.ordinal)
        FROM liftlock_control.job_steps s WHERE s.job_id = j.id), '[]') AS steps
    FROM liftlock_control.jobs j WHERE j.id = :id
"""),
)
_OPEN_ON = Direct(
    text("""
    SELECT j.* FROM liftlock_control.jobs j JOIN liftlock_control.targets t ON t.id = j.target_id
    WHERE t.name = :queue AND j.state IN ('queued', 'running') ORDER BY j.seq
"""),
)
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
        added = await self._try_to_add(job)
        if added is not None:
            return added
        # the first job of its environment
        async with self._database.single() as connection:
            await connection.execute(KNOW_TARGET, {"queue": job.request.queue})
        added = await self._try_to_add(job)
        assert added is not None
        return added

    async def get(self, job_id: JobId) -> Job | None:
        row = await self._database.row(_GET, {"id": job_id})
        if row is None or row["kind"] not in JOB_KINDS:
            return None
        return job_of(row, STEPS.validate_python(row["steps"]))

    async def find(self, query: JobQuery) -> tuple[Job, ...]:
        wanted = select(jobs).where(jobs.c.kind.in_(JOB_KINDS)).order_by(jobs.c.id.desc()).limit(query.limit)
        if query.before is not None:
            wanted = wanted.where(jobs.c.id < query.before)
        if query.state is not None:
            wanted = wanted.where(_is_shown_as(query.state))
        if query.kind is not None:
            wanted = wanted.where(jobs.c.kind == query.kind.value)
        if not query.idle:
            wanted = wanted.where(or_(jobs.c.due_at.is_(None), _has_come_to_something()))
        if query.environment is not None:
            # chores have queues of their own, `production/scan`
            place = func.split_part(targets.c.name, "/", 1) if query.chores else targets.c.name
            whose = concerns(place, query.environment, with_targets=query.with_targets)
            wanted = wanted.join(targets, targets.c.id == jobs.c.target_id).where(whose)
        async with self._database.single() as connection:
            return tuple(job_of(row) for row in (await connection.execute(wanted)).mappings())

    async def open_on(self, queue: str) -> tuple[Job, ...]:
        return _jobs(await self._database.rows(_OPEN_ON, {"queue": queue}))

    async def _try_to_add(self, job: NewJob) -> Job | None:
        """None when the target is not known yet."""
        if job.dedupe_key is None and job.idempotency is None and job.request.on_busy is OnBusy.QUEUE:
            return _added(await self._database.rows(ADD, values_of(job)))
        async with self._database.begin() as connection:
            # held until the commit: between the look at the open jobs and the new one nobody adds another
            if (await connection.execute(_LOCK_TARGET, {"queue": job.request.queue})).first() is None:
                return None
            other = await _other(connection, job)
            if other is not None:
                return other
            if job.idempotency is not None:
                await _use_key(connection, job.idempotency, job.id)
            return _added(await rows_on(connection, ADD, values_of(job)))

    def watch(self, job_id: JobId) -> AbstractAsyncContextManager[Watcher]:
        return self._announcements.watch(job_id)


async def _other(connection: AsyncConnection, job: NewJob) -> Job | None:
    """The job that makes this one needless, or stands in its way when it would not queue."""
    if job.dedupe_key is not None:
        twin = await _twin(connection, job.dedupe_key, job.dedupe_within_s)
        if twin is not None:
            return twin
    if job.request.on_busy is OnBusy.QUEUE:
        return None
    found = await rows_on(connection, _OPEN_ON, {"queue": job.request.queue})
    return in_the_way(job.request, _jobs(found))


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


def _jobs(rows: Sequence[Row]) -> tuple[Job, ...]:
    return tuple(job_of(row) for row in rows if row["kind"] in JOB_KINDS)


def _added(rows: Sequence[Row]) -> Job | None:
    return job_of(rows[0]) if rows else None


def _is_shown_as(state: JobState) -> ColumnElement[bool]:
    """A job that waits for the jobs of its targets is given back, and is at work all the same."""
    leads = and_(jobs.c.state == JobState.QUEUED.value, jobs.c.reason == UNDER_WAY)
    match state:
        case JobState.RUNNING:
            return or_(jobs.c.state == state.value, leads)
        case JobState.QUEUED:
            return and_(jobs.c.state == state.value, jobs.c.reason != UNDER_WAY)
        case _:
            return jobs.c.state == state.value


def _has_come_to_something() -> ColumnElement[bool]:
    return and_(jobs.c.finished_at.is_not(None), jobs.c.reason != "nothing_to_do")


def values_of(job: NewJob) -> dict[str, Any]:
    origin, finished = job.origin, job.finished
    state, reason = first_state(job)
    return {
        "id": job.id,
        "environment": None if job.request.environment == CONTROL else job.request.environment,
        "queue": job.request.queue,
        "goes_first": job.request.stranded is not None,
        "kind": job.request.kind.value,
        "request": to_json(REQUEST, job.request),
        "state": finished.state.value if finished else state.value,
        "reason": finished.reason if finished else reason,
        "message": finished.message if finished else job.message,
        "notices": json.dumps(finished.notices if finished else []),
        "dedupe_key": job.dedupe_key,
        "principal_id": origin.principal.id,
        "principal_kind": origin.principal.kind,
        "principal_address": origin.principal.address,
        "principal_name": origin.principal.name,
        "request_id": origin.request_id,
        "traceparent": origin.traceparent,
        "action": _action(job.request),
        "grace_s": FIRST_RING_GRACE_S,
        "not_before": None if finished else job.not_before,
        "approvals_needed": 0 if finished else job.approvals_needed,
    }


def _action(request: JobRequest) -> str:
    """What the audit trail says that somebody has asked for."""
    if request.schedule is not None:
        return "schedules.run"
    if request.kind in (JobKind.SCAN, JobKind.SYNC):
        return f"environments.{request.kind}"
    return f"migrations.{request.kind}"
