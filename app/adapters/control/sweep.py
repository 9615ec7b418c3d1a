"""JobSweep on PostgreSQL: any number of sweepers at once, no leader, `SKIP LOCKED` keeps them apart."""

from sqlalchemy import text

from app.adapters.control.database import ControlDatabase
from app.adapters.control.direct import Direct
from app.domain.job import JobId

_DUE = text("""
    WITH due AS (
        SELECT j.id FROM liftlock_control.jobs j
        WHERE j.state = 'queued' AND j.next_dispatch_at <= clock_timestamp()
          AND NOT EXISTS (
            SELECT 1 FROM liftlock_control.jobs p
            WHERE p.target_id = j.target_id AND p.seq < j.seq AND p.state IN ('queued', 'running'))
        ORDER BY j.seq LIMIT :limit FOR UPDATE SKIP LOCKED)
    UPDATE liftlock_control.jobs j
    SET dispatches = dispatches + 1, parked = false,
        next_dispatch_at = clock_timestamp()
            + LEAST(interval '15 s', interval '5 s' * power(2, LEAST(dispatches, 4)))
    FROM due WHERE j.id = due.id RETURNING j.id
""")
_WAKE = text("""
    WITH come AS (
        SELECT j.id, j.target_id FROM liftlock_control.jobs j
        WHERE j.state = 'waiting' AND j.approvals_needed = 0 AND j.not_before <= clock_timestamp()
        ORDER BY j.not_before, j.id LIMIT :limit FOR UPDATE SKIP LOCKED),
    queues AS MATERIALIZED (
        SELECT t.id FROM liftlock_control.targets t WHERE t.id IN (SELECT target_id FROM come) ORDER BY t.id FOR UPDATE)
    UPDATE liftlock_control.jobs j
    SET state = 'queued', reason = 'for_worker', seq = nextval('liftlock_control.job_seq'),
        message = 'its window is open; it is waiting for a worker', next_dispatch_at = clock_timestamp()
    FROM come JOIN queues ON queues.id = come.target_id
    WHERE j.id = come.id AND j.state = 'waiting'
""")
"""The target's row is locked before the place in its queue is drawn, as where a job is added."""

_LAPSED = text("""
    WITH dead AS (
        SELECT id, attempt FROM liftlock_control.jobs
        WHERE state = 'running' AND lease_until < clock_timestamp()
        ORDER BY lease_until LIMIT :limit FOR UPDATE SKIP LOCKED)
    UPDATE liftlock_control.jobs j
    SET state = 'queued', reason = 'rescued', next_dispatch_at = clock_timestamp(),
        message = 'its worker stopped answering; another takes it over where it stood'
    FROM dead WHERE j.id = dead.id AND j.state = 'running' AND j.attempt = dead.attempt RETURNING j.id
""")
_NEXT = Direct(
    text("""
    WITH head AS (
        SELECT j.id, j.parked FROM liftlock_control.jobs j
        JOIN liftlock_control.targets t ON t.id = j.target_id
        WHERE t.name = :queue AND j.state IN ('queued', 'running')
        ORDER BY j.seq LIMIT 1)
    UPDATE liftlock_control.jobs j
    SET parked = false, dispatches = dispatches + 1,
        next_dispatch_at = clock_timestamp() + interval '5 s'
    FROM head
    WHERE j.id = head.id AND j.state = :queued AND j.parked
      AND j.next_dispatch_at <= clock_timestamp()
    RETURNING j.id
"""),
    queued="queued",
)
_UNRUNG = text("""
    UPDATE liftlock_control.jobs SET next_dispatch_at = clock_timestamp() + interval '5 s'
    WHERE id = :id AND state = 'queued'
""")
_PURGE = text("DELETE FROM liftlock_control.idempotency_keys WHERE expires_at < clock_timestamp()")
_FORGET_IDLE_TICKS = text("""
    WITH idle AS (
        DELETE FROM liftlock_control.jobs j
        WHERE j.due_at < clock_timestamp() - interval '1 day' AND j.state = 'succeeded' AND j.reason = 'nothing_to_do'
          AND NOT EXISTS (SELECT 1 FROM liftlock_control.schedules s WHERE s.last_job = j.id)
          AND NOT EXISTS (SELECT 1 FROM liftlock_control.job_steps s WHERE s.job_id = j.id)
        RETURNING j.id),
    told AS (DELETE FROM liftlock_control.events e USING idle WHERE e.job_id = idle.id)
    DELETE FROM liftlock_control.job_events e USING idle WHERE e.job_id = idle.id
""")
_FORGET_OLD_NEWS = text("""
    DELETE FROM liftlock_control.events WHERE job_id IS NULL AND at < clock_timestamp() - interval '7 days'
""")
"""Of no job: nobody's log; it was told to those who listened."""


_FORGET_GONE = text("DELETE FROM liftlock_control.processes WHERE seen_at < clock_timestamp() - interval '1 hour'")

_FORGET_DELIVERIES = text("""
    DELETE FROM liftlock_control.webhook_deliveries
    WHERE state <> 'pending' AND finished_at < clock_timestamp() - interval '30 days'
""")


class ControlSweep:
    """Implements ports.JobSweep."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def wake(self, limit: int) -> int:
        async with self._database.single() as connection:
            return (await connection.execute(_WAKE, {"limit": limit})).rowcount

    async def due(self, limit: int) -> tuple[JobId, ...]:
        async with self._database.single() as connection:
            return tuple(JobId(job) for job in (await connection.execute(_DUE, {"limit": limit})).scalars())

    async def rescue(self, limit: int) -> tuple[JobId, ...]:
        async with self._database.single() as connection:
            return tuple(JobId(job) for job in (await connection.execute(_LAPSED, {"limit": limit})).scalars())

    async def next_on(self, queue: str) -> JobId | None:
        head = await self._database.row(_NEXT, {"queue": queue})
        return None if head is None else JobId(head["id"])

    async def unrung(self, job_id: JobId) -> None:
        async with self._database.single() as connection:
            await connection.execute(_UNRUNG, {"id": job_id})

    async def purge(self) -> int:
        async with self._database.single() as connection:
            await connection.execute(_FORGET_IDLE_TICKS)
            await connection.execute(_FORGET_GONE)
            await connection.execute(_FORGET_DELIVERIES)
            await connection.execute(_FORGET_OLD_NEWS)
            return (await connection.execute(_PURGE)).rowcount
