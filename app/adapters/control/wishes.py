"""JobControl on PostgreSQL: what people ask of a job that has not ended, each with its audit row."""

from typing import Any

from sqlalchemy import Executable, Text, bindparam, text

from app.adapters.control.claims import HELD_NOTHING_TIMES
from app.adapters.control.database import ControlDatabase
from app.adapters.control.rows import job_of
from app.adapters.control.tables import jobs
from app.domain.job import Job, JobId
from app.domain.principal import Principal

_WHO = ("by", "kind", "address", "name", "label", "request_id")
UNTOUCHED = f"state IN ('queued', 'waiting') AND starts = 0 AND (attempt = 0 OR attempt = {HELD_NOTHING_TIMES})"

_CANCEL = (
    text(
        """
    WITH job AS (
        UPDATE liftlock_control.jobs j
        SET cancel_requested_at = COALESCE(cancel_requested_at, clock_timestamp()),
            cancel_requested_by = COALESCE(cancel_requested_by, :label),
            state = CASE WHEN {untouched} THEN 'cancelled' ELSE state END,
            reason = CASE WHEN {untouched} THEN 'by_user' ELSE reason END,
            message = CASE WHEN {untouched}
                           THEN 'cancelled by ' || :label || ' before it had started' ELSE message END,
            next_dispatch_at = clock_timestamp()
        WHERE id = :id AND state IN ('queued', 'waiting', 'running')
        RETURNING *),
    trail AS (
        INSERT INTO liftlock_control.audit
            (principal_id, principal_kind, principal_address, principal_name, request_id, action, environment, subject,
             detail)
        SELECT :by, :kind, :address, :name, :request_id, 'jobs.cancel',
               NULLIF(job.request->>'environment', 'liftlock-control'), CAST(job.id AS text),
               jsonb_build_object('state', job.state)
        FROM job)
    SELECT * FROM job
""".replace("{untouched}", UNTOUCHED)
    )
    .bindparams(*(bindparam(name, type_=Text) for name in _WHO))
    .columns(*jobs.columns)
)
"""A job that an attempt has worked on may hold its target's fence: only an attempt may end it, so it is asked."""


_SET_PAUSED = """
    WITH job AS (
        UPDATE liftlock_control.jobs SET paused_by = {paused}
        WHERE id = :id AND state IN ('queued', 'waiting', 'running')
        RETURNING *),
    trail AS (
        INSERT INTO liftlock_control.audit
            (principal_id, principal_kind, principal_address, principal_name, request_id, action, environment, subject,
             detail)
        SELECT :by, :kind, :address, :name, :request_id, 'jobs.{action}',
               NULLIF(job.request->>'environment', 'liftlock-control'), CAST(job.id AS text),
               jsonb_build_object('state', job.state)
        FROM job)
    SELECT * FROM job
"""


def _paused(paused: str, action: str) -> Any:
    # resuming names nobody on the job
    names = [name for name in _WHO if name != "label" or ":label" in paused]
    bound = (bindparam(name, type_=Text) for name in names)
    return text(_SET_PAUSED.format(paused=paused, action=action)).bindparams(*bound).columns(*jobs.columns)


_PAUSE, _RESUME = _paused("COALESCE(paused_by, :label)", "pause"), _paused("NULL", "resume")


class ControlWishes:
    """Implements ports.JobControl."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def cancel(self, job_id: JobId, by: Principal, request_id: str | None = None) -> Job | None:
        return await self._ask(_CANCEL, job_id, by, request_id)

    async def pause(self, job_id: JobId, by: Principal, request_id: str | None = None) -> Job | None:
        return await self._ask(_PAUSE, job_id, by, request_id)

    async def resume(self, job_id: JobId, by: Principal, request_id: str | None = None) -> Job | None:
        return await self._ask(_RESUME, job_id, by, request_id)

    async def _ask(self, wish: Executable, job_id: JobId, by: Principal, request_id: str | None) -> Job | None:
        asked = {
            "id": job_id,
            "by": by.id,
            "kind": by.kind,
            "address": by.address,
            "name": by.name,
            "label": by.label,
            "request_id": request_id,
        }
        async with self._database.single() as connection:
            row = (await connection.execute(wish, asked)).mappings().first()
            return None if row is None else job_of(row)
