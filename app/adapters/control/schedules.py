"""Schedules on PostgreSQL: a tick inserts a job for what is due, in the transaction that sets its next moment."""

from collections.abc import Sequence

from sqlalchemy import Interval, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.adapters.clock import new_id
from app.adapters.codec import REQUEST, to_json
from app.adapters.control.asking import asked_by
from app.adapters.control.database import ControlDatabase
from app.adapters.control.rows import JOB_KINDS, schedule_of
from app.adapters.control.tables import schedules
from app.domain.job import JobId, JobKind, JobRequest, Origin
from app.domain.schedule import Schedule, Wanted

_DUE = text("""
    SELECT * FROM liftlock_control.schedules
    WHERE NOT paused AND kind = ANY (CAST(:kinds AS text[]))
      AND (next_due <= clock_timestamp() OR next_due > clock_timestamp() + every)
    ORDER BY name FOR UPDATE SKIP LOCKED
""").columns(*schedules.columns)
"""Locked until the commit: another tick passes over them, and later finds their next moment.

Nothing is due later than in one round of it, unless the clock was ahead when that was said, and has been set back.
"""

_FORGET = text("""
    DELETE FROM liftlock_control.schedules WHERE kind = :kind AND NOT name = ANY (CAST(:names AS text[]))
""")
_KEEP = text("""
    INSERT INTO liftlock_control.schedules AS known (name, kind, every, next_due, environment)
    VALUES (:name, :kind, :every, clock_timestamp() + :every, :environment)
    ON CONFLICT (name) DO UPDATE
    SET every = EXCLUDED.every, next_due = EXCLUDED.next_due, environment = EXCLUDED.environment
    WHERE (known.every, known.environment) IS DISTINCT FROM (EXCLUDED.every, EXCLUDED.environment)
""").bindparams(bindparam("every", type_=Interval))

_KNOW_QUEUE = text("INSERT INTO liftlock_control.targets (name) VALUES (:queue) ON CONFLICT DO NOTHING")
_ADD = text("""
    WITH queue AS (
        SELECT id FROM liftlock_control.targets WHERE name = :queue FOR UPDATE),
    job AS (
        INSERT INTO liftlock_control.jobs
            (id, seq, target_id, kind, request, reason, message, dispatches, next_dispatch_at,
             principal_id, principal_kind, schedule, due_at)
        SELECT :id, nextval('liftlock_control.job_seq'), queue.id, :kind, CAST(:request AS jsonb), 'for_worker',
               :message, 1, clock_timestamp() + interval '5 s', 'scheduler', 'service', :schedule, :due_at
        FROM queue
        WHERE NOT EXISTS (
            SELECT 1 FROM liftlock_control.jobs open
            WHERE open.target_id = queue.id AND open.state IN ('queued', 'running'))
        ON CONFLICT (schedule, due_at) WHERE due_at IS NOT NULL DO NOTHING
        RETURNING id),
    event AS (
        INSERT INTO liftlock_control.job_events (job_id, to_state, attempt, reason)
        SELECT job.id, 'queued', 0, 'for_worker' FROM job)
    SELECT id FROM job
""")
_ADVANCE = text("""
    UPDATE liftlock_control.schedules
    SET last_job = COALESCE(CAST(:job_id AS uuid), last_job),
        next_due = next_due + every * (1 + floor(
            extract(epoch FROM clock_timestamp() - next_due) / extract(epoch FROM every)))
    WHERE name = :name
""")
"""What was missed is made up for once: its next moment is in the future, whenever the last one was."""

_SET_PAUSED = text("""
    WITH changed AS (
        UPDATE liftlock_control.schedules SET paused = :paused
        WHERE name = :name AND kind = ANY (CAST(:kinds AS text[])) RETURNING *),
    trail AS (
        INSERT INTO liftlock_control.audit
            (principal_id, principal_kind, principal_address, principal_name, request_id, action, environment, subject)
        SELECT :by, :by_kind, :by_address, :by_name, :request_id, :action,
               NULLIF(changed.environment, 'liftlock-control'), changed.name FROM changed)
    SELECT * FROM changed
""").columns(*schedules.columns)
_KNOWN = {"kinds": list(JOB_KINDS)}
_RAN = text("UPDATE liftlock_control.schedules SET last_job = :job_id WHERE name = :name")


class ControlSchedules:
    """Implements ports.Schedules."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def all(self) -> tuple[Schedule, ...]:
        async with self._database.single() as connection:
            known = select(schedules).where(schedules.c.kind.in_(JOB_KINDS))
            found = await connection.execute(known.order_by(schedules.c.name))
            return tuple(schedule_of(row) for row in found.mappings())

    async def keep(self, kind: JobKind, wanted: Sequence[Wanted], left_alone: Sequence[str] = ()) -> None:
        names = [*(one.name for one in wanted), *left_alone]
        async with self._database.begin() as connection:
            await connection.execute(_FORGET, {"kind": kind.value, "names": names})
            for one in wanted:
                values = {"name": one.name, "kind": one.kind.value, "every": one.every, "environment": one.environment}
                await connection.execute(_KEEP, values)

    async def tick(self) -> tuple[JobId, ...]:
        async with self._database.begin() as connection:
            due = [schedule_of(row) for row in (await connection.execute(_DUE, _KNOWN)).mappings()]
            started = [await _start(connection, one) for one in due]
        return tuple(job_id for job_id in started if job_id is not None)

    async def pause(self, name: str, origin: Origin) -> Schedule | None:
        return await self._set_paused(name, origin, "schedules.pause", paused=True)

    async def resume(self, name: str, origin: Origin) -> Schedule | None:
        return await self._set_paused(name, origin, "schedules.resume", paused=False)

    async def ran(self, name: str, job_id: JobId) -> None:
        async with self._database.single() as connection:
            await connection.execute(_RAN, {"name": name, "job_id": job_id})

    async def _set_paused(self, name: str, origin: Origin, action: str, *, paused: bool) -> Schedule | None:
        values = {"name": name, "paused": paused, "action": action, **asked_by(origin), **_KNOWN}
        async with self._database.single() as connection:
            row = (await connection.execute(_SET_PAUSED, values)).mappings().first()
            return None if row is None else schedule_of(row)


async def _start(connection: AsyncConnection, schedule: Schedule) -> JobId | None:
    """Its job, keyed by the moment it was due at; None while an earlier one is still open."""
    request = JobRequest(schedule.kind, schedule.environment, schedule=schedule.name)
    values = {
        "id": new_id(),
        "queue": request.queue,
        "kind": schedule.kind.value,
        "request": to_json(REQUEST, request),
        "message": f"the schedule {schedule.name} is waiting for a worker",
        "schedule": schedule.name,
        "due_at": schedule.next_due,
    }
    await connection.execute(_KNOW_QUEUE, {"queue": request.queue})
    found = (await connection.execute(_ADD, values)).scalar_one_or_none()
    job_id = None if found is None else JobId(found)
    await connection.execute(_ADVANCE, {"name": schedule.name, "job_id": job_id})
    return job_id
