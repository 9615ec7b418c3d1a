"""Approvals on PostgreSQL: a word, what it changes about the job, and the audit row, in one statement each; and how
many of them are asked for by now."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Integer, Text, Uuid, bindparam, text

from app.adapters.control.asking import asked_by
from app.adapters.control.database import ControlDatabase
from app.adapters.control.rows import job_of
from app.adapters.control.tables import jobs
from app.adapters.control.wishes import UNTOUCHED
from app.domain.approval import Vote
from app.domain.job import Job, JobId, Origin
from app.domain.principal import Principal

_WHO = ("by", "by_kind", "by_address", "by_name", "label", "request_id", "note")
_VOTE = """
    WITH held AS (
        SELECT j.id, j.target_id, j.approvals_needed FROM liftlock_control.jobs j
        WHERE j.id = :id AND j.state = 'waiting' AND j.approvals_needed > 0 FOR UPDATE),
    vote AS (
        INSERT INTO liftlock_control.votes
            (job_id, principal_id, principal_kind, principal_address, principal_name, approved, note)
        SELECT held.id, :by, :by_kind, :by_address, :by_name, {approved}, :note FROM held
        ON CONFLICT DO NOTHING RETURNING job_id),
    queue AS MATERIALIZED (
        SELECT t.id, t.name FROM liftlock_control.targets t
        WHERE t.id IN (SELECT held.target_id FROM held JOIN vote ON vote.job_id = held.id) FOR UPDATE),
    job AS (
        UPDATE liftlock_control.jobs j SET {changes}
        FROM held JOIN vote ON vote.job_id = held.id JOIN queue ON queue.id = held.target_id
        WHERE j.id = held.id AND j.state = 'waiting'
        RETURNING j.*),
    trail AS (
        INSERT INTO liftlock_control.audit
            (principal_id, principal_kind, principal_address, principal_name, request_id, action, environment, subject,
             detail)
        SELECT :by, :by_kind, :by_address, :by_name, :request_id, 'jobs.{action}', queue.name, CAST(job.id AS text),
               jsonb_build_object('note', :note)
        FROM job JOIN queue ON queue.id = job.target_id)
    SELECT * FROM job
"""
_LAST = "held.approvals_needed = 1"
_APPROVED = f"""
    approvals_needed = held.approvals_needed - 1,
    not_before = CASE WHEN {_LAST} THEN :not_before ELSE j.not_before END,
    state = CASE WHEN {_LAST} AND :not_before IS NULL THEN 'queued' ELSE 'waiting' END,
    reason = CASE WHEN NOT {_LAST} THEN 'approval' WHEN :not_before IS NULL THEN 'for_worker' ELSE 'window' END,
    seq = CASE WHEN {_LAST} AND :not_before IS NULL THEN nextval('liftlock_control.job_seq') END,
    next_dispatch_at = clock_timestamp(),
    message = 'approved by ' || :label || CASE
        WHEN NOT {_LAST} THEN '; it waits for ' || held.approvals_needed - 1 || ' more'
        WHEN :not_before IS NULL THEN '; it is waiting for a worker' ELSE '; it waits for its window' END
"""
_REJECTED = """
    state = 'cancelled', reason = 'rejected', approvals_needed = 0,
    message = 'rejected by ' || :label || COALESCE(': ' || :note, '')
"""
_LOCK = text("SELECT 1 FROM liftlock_control.jobs WHERE id = :id FOR UPDATE")
_REQUIRE = (
    text(
        """
    UPDATE liftlock_control.jobs j
    SET state = CASE WHEN {stopped} THEN 'cancelled' ELSE 'waiting' END,
        reason = CASE WHEN {stopped} THEN 'by_user' ELSE 'approval' END,
        approvals_needed = CASE WHEN {stopped} THEN 0 ELSE :asked - had.given END,
        message = CASE WHEN {stopped} THEN 'cancelled by ' || j.cancel_requested_by || ' before it had started' ELSE
            (j.request->>'environment') || ' asks for ' || :asked || ' approvals by now; it has ' || had.given
            || ' and waits for ' || :asked - had.given || ' more' END,
        seq = NULL, owner = NULL, lease_until = NULL, parked = false, started_at = NULL
    FROM (SELECT CAST(count(*) AS int) AS given FROM liftlock_control.votes v WHERE v.job_id = :id AND v.approved) had
    WHERE j.id = :id AND :asked - had.given > j.approvals_needed
      AND ({untouched} OR j.state = 'waiting' OR j.state = 'running' AND j.attempt = :attempt AND j.starts = 0)
    RETURNING j.*
""".replace("{untouched}", UNTOUCHED).replace("{stopped}", "j.cancel_requested_at IS NOT NULL")
    )
    .bindparams(bindparam("id", type_=Uuid), bindparam("asked", type_=Integer), bindparam("attempt", type_=Integer))
    .columns(*jobs.columns)
)


def _statement(approved: str, changes: str, action: str) -> Any:
    written = _VOTE.format(approved=approved, changes=changes, action=action)
    texts = (bindparam(name, type_=Text) for name in _WHO)
    return text(written).bindparams(*texts, bindparam("id", type_=Uuid)).columns(*jobs.columns)


_APPROVE = _statement("true", _APPROVED, "approve").bindparams(bindparam("not_before", type_=DateTime(timezone=True)))
_REJECT = _statement("false", _REJECTED, "reject")
_VOTES = text("SELECT * FROM liftlock_control.votes WHERE job_id = :id ORDER BY at")


class ControlApprovals:
    """Implements ports.Approvals."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def approve(self, job_id: JobId, by: Origin, note: str | None, not_before: datetime | None) -> Job | None:
        return await self._voted(_APPROVE, {**_values(job_id, by, note), "not_before": not_before})

    async def require(self, job_id: JobId, asked: int, attempt: int | None = None) -> Job | None:
        async with self._database.begin() as connection:
            # in a statement of its own: after waiting for a vote that one has to be counted
            await connection.execute(_LOCK, {"id": job_id})
            values = {"id": job_id, "asked": asked, "attempt": attempt}
            row = (await connection.execute(_REQUIRE, values)).mappings().first()
            return None if row is None else job_of(row)

    async def reject(self, job_id: JobId, by: Origin, note: str | None) -> Job | None:
        return await self._voted(_REJECT, _values(job_id, by, note))

    async def of(self, job_id: JobId) -> tuple[Vote, ...]:
        async with self._database.single() as connection:
            rows = (await connection.execute(_VOTES, {"id": job_id})).mappings()
            return tuple(
                Vote(
                    Principal(
                        row["principal_id"], row["principal_kind"], row["principal_address"], row["principal_name"]
                    ),
                    row["at"],
                    row["approved"],
                    row["note"],
                )
                for row in rows
            )

    async def _voted(self, statement: Any, values: dict[str, Any]) -> Job | None:
        async with self._database.single() as connection:
            row = (await connection.execute(statement, values)).mappings().first()
            return None if row is None else job_of(row)


def _values(job_id: JobId, by: Origin, note: str | None) -> dict[str, Any]:
    return {"id": job_id, "label": by.principal.label, "note": note, **asked_by(by)}
