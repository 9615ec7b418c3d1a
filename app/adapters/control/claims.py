"""JobClaims on PostgreSQL: every write of a worker names its attempt, so that a late one changes nothing.

The statements are those of the model-checked protocol.
"""

import json
from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy import Text, Uuid, bindparam, text

from app import failpoints
from app.adapters.codec import FAILURE, REQUEST, STEPS, optional_json, to_json
from app.adapters.control.database import ControlDatabase
from app.adapters.control.direct import Direct
from app.adapters.control.rows import JOB_KINDS
from app.domain.claim import ClaimRefusal, ClaimRefused
from app.domain.events import said_by
from app.domain.job import LEFT_OPEN, Attempt, Ended, GivenBack, JobId, JobState, StepRecord, Wishes

HELD_NOTHING_TIMES = """(
    SELECT count(*) FROM liftlock_control.job_events e
    WHERE e.job_id = j.id AND e.from_state = 'running' AND (
        e.to_state = 'waiting' OR e.to_state = 'queued'
        AND e.reason IN ('for_target', 'target_unreachable', 'target_unusable', 'environment_missing')))"""
"""How many attempts of job j surely never held its target; the reasons are those of HELD_NOTHING. Those that were
sent back to wait had not asked for it.

One that died, or was cut off, between F1 and its `started` holds it and shows it nowhere else. Of what is
committed meanwhile this sees too little, never too much.
"""

AWAY_FOR_MS = """COALESCE((
    SELECT CAST(extract(epoch FROM clock_timestamp() - min(e.at)) * 1000 AS bigint) FROM liftlock_control.job_events e
    WHERE e.job_id = j.id AND e.from_state = 'running' AND e.reason = 'target_unreachable' AND e.id > COALESCE((
        SELECT max(o.id) FROM liftlock_control.job_events o
        WHERE o.job_id = j.id AND o.from_state = 'running' AND o.reason <> 'target_unreachable'), 0)), 0)"""
"""By the clock that has said so, whatever the worker's says; how long the job had waited before is no part of it."""

_CLAIM = Direct(
    text(
        """
    UPDATE liftlock_control.jobs j
    SET state = 'running', reason = 'starting', message = 'taking the target', attempt = attempt + 1,
        owner = :owner, lease_until = clock_timestamp() + make_interval(secs => :ttl_s), parked = false,
        started_at = COALESCE(started_at, clock_timestamp())
    FROM liftlock_control.targets t
    WHERE j.id = :id AND j.state = :queued AND t.id = j.target_id AND j.kind = ANY (CAST(:kinds AS text[]))
      AND NOT EXISTS (
        SELECT 1 FROM liftlock_control.jobs p
        WHERE p.target_id = j.target_id AND p.seq < j.seq AND p.state IN ('queued', 'running') OFFSET 0)
    RETURNING j.attempt, j.request, t.epoch, j.max_starts, j.created_at,
        GREATEST(j.starts, CASE WHEN j.attempt = 1 OR j.attempt - 1 = {held_nothing} THEN 0 ELSE 1 END) AS starts,
        COALESCE(j.principal_name, j.principal_id) AS actor, j.cancel_requested_by, j.paused_by, j.request_id,
        j.traceparent, EXISTS (
            SELECT 1 FROM liftlock_control.conflicts c WHERE c.job_id = j.id AND c.state = 'open') AS contended,
        CASE WHEN j.attempt = 1 THEN 0 ELSE {away_for_ms} END AS away_ms, COALESCE(j.not_before, (
            SELECT w.not_before FROM liftlock_control.jobs w WHERE w.id = CAST(j.request ->> 'parent' AS uuid)
        )) AS not_before
""".replace("{held_nothing}", HELD_NOTHING_TIMES).replace("{away_for_ms}", AWAY_FOR_MS)
    ),
    queued="queued",
)
"""OFFSET keeps the server from making a join of it, which would read all that is open, or was, on any target."""
_PARK = text("""
    UPDATE liftlock_control.jobs SET parked = true, next_dispatch_at = clock_timestamp()
    WHERE id = :id AND state = 'queued' AND NOT parked
""")
_WHO_HAS_IT = text("""
    SELECT j.kind, j.state, j.attempt, j.owner, j.lease_until, t.name AS environment,
           p.id AS holder, p.state AS holder_state, p.kind AS holder_kind, p.owner AS holder_owner,
           p.started_at AS holder_since
    FROM liftlock_control.jobs j
    JOIN liftlock_control.targets t ON t.id = j.target_id
    LEFT JOIN LATERAL (
        SELECT * FROM liftlock_control.jobs p
        WHERE p.target_id = j.target_id AND p.id <> j.id
          AND (p.state = 'running' OR p.state = 'queued' AND p.seq < j.seq)
        ORDER BY p.state = 'running' DESC, p.seq LIMIT 1) p ON true
    WHERE j.id = :id
""")
_STARTED = Direct(
    text("""
    WITH counted AS (
        UPDATE liftlock_control.jobs SET starts = starts + 1, reason = 'applying'
        WHERE id = :id AND attempt = :attempt AND state = :running RETURNING starts, target_id),
    known AS (
        UPDATE liftlock_control.targets t SET epoch = GREATEST(t.epoch, :epoch) FROM counted
        WHERE t.id = counted.target_id)
    SELECT starts FROM counted
"""),
    running="running",
)
_BEAT = Direct(
    text("""
    UPDATE liftlock_control.jobs SET lease_until = clock_timestamp() + make_interval(secs => :ttl_s)
    WHERE id = :id AND attempt = :attempt AND state = :running RETURNING 1
"""),
    running="running",
)
_WISHES = text("SELECT cancel_requested_by, paused_by FROM liftlock_control.jobs WHERE id = :id")
_FINISH = Direct(
    text("""
    WITH ended AS (
        UPDATE liftlock_control.jobs
        SET state = :state, reason = :reason, message = :message,
            error = CAST(:error AS jsonb), notices = CAST(:notices AS jsonb)
        WHERE id = :id AND attempt = :attempt AND state = :running RETURNING id),
    left_open AS (
        UPDATE liftlock_control.job_steps s SET state = 'skipped', notice = :left_open
        FROM ended WHERE s.job_id = ended.id AND s.state IN ('pending', 'running'))
    SELECT id FROM ended
"""),
    running="running",
)
_GIVE_BACK = Direct(
    text("""
    UPDATE liftlock_control.jobs
    SET state = 'queued', reason = :reason, message = :message, parked = true,
        next_dispatch_at = clock_timestamp() + make_interval(secs => :after_s)
    WHERE id = :id AND attempt = :attempt AND state = :running RETURNING 1
"""),
    running="running",
)
_RECORD = Direct(
    text("""
    WITH said AS (
        UPDATE liftlock_control.jobs SET message = :message
        WHERE id = :id AND attempt = :attempt AND state = :running RETURNING id)
    INSERT INTO liftlock_control.job_steps
        (job_id, ordinal, name, version, direction, state, started_at, finished_at, duration_ms, error, notice)
    SELECT said.id, ordinal, name, version, direction, state, started_at, finished_at, duration_ms,
           NULLIF(error, 'null'), notice
    FROM said, jsonb_to_recordset(CAST(:steps AS jsonb)) AS s (
        ordinal int, name text, version text, direction text, state text, started_at timestamptz,
        finished_at timestamptz, duration_ms bigint, error jsonb, notice text)
    ORDER BY ordinal
    ON CONFLICT (job_id, ordinal) DO UPDATE
    SET name = excluded.name, version = excluded.version, direction = excluded.direction,
        state = excluded.state, started_at = excluded.started_at, finished_at = excluded.finished_at,
        duration_ms = excluded.duration_ms, error = excluded.error, notice = excluded.notice
""").bindparams(bindparam("id", type_=Uuid), bindparam("steps", type_=Text), bindparam("message", type_=Text)),
    running="running",
)
"""One statement, which is its transaction: who tells of its steps holds a lock from then on to the commit."""

_HEARD = Direct(
    text("""
    SELECT liftlock_control.tell('step.said', told.id, NULL, NULL, told.words, told.detail)
    FROM (
        SELECT j.id, line->>'words' AS words, jsonb_build_object('step', line->'step') AS detail
        FROM liftlock_control.jobs j, jsonb_array_elements(CAST(:lines AS jsonb)) WITH ORDINALITY AS l (line, n)
        WHERE j.id = :id AND j.attempt = :attempt AND j.state = :running
        ORDER BY n) told
""").bindparams(bindparam("lines", type_=Text)),
    running="running",
)


class ControlClaims:
    """Implements ports.JobClaims."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def claim(self, job_id: JobId, owner: str, ttl_ms: int) -> Attempt | ClaimRefused:
        """Take the job, or say who has it.

        A job that is not the head of its queue is parked, so that the one before it rings it; between the
        refusal and the parking that one may have ended, hence the second look.
        """
        taken = await self._take(job_id, owner, ttl_ms)
        if taken is None and await self._park(job_id):
            failpoints.reach("claim.parked")
            taken = await self._take(job_id, owner, ttl_ms)
        return taken or await self._refusal(job_id)

    async def started(self, attempt: Attempt, epoch: int) -> int | None:
        counted = await self._database.row(_STARTED, {**_ours(attempt), "epoch": epoch})
        return None if counted is None else int(counted["starts"])

    async def beat(self, attempt: Attempt, ttl_ms: int) -> bool:
        return await self._database.row(_BEAT, {**_ours(attempt), "ttl_s": ttl_ms / 1000}) is not None

    async def wishes(self, attempt: Attempt) -> Wishes:
        async with self._database.single() as connection:
            row = (await connection.execute(_WISHES, {"id": attempt.job_id})).one()
            return Wishes(row.cancel_requested_by, row.paused_by)

    async def end(self, attempt: Attempt, outcome: Ended | GivenBack) -> bool:
        said: dict[str, Any] = {**_ours(attempt), "reason": outcome.reason, "message": outcome.message}
        match outcome:
            case Ended():
                said["state"] = outcome.state.value
                said["error"] = optional_json(FAILURE, outcome.error)
                said["notices"] = json.dumps(outcome.notices)
                said["left_open"] = LEFT_OPEN
                return await self._database.row(_FINISH, said) is not None
            case GivenBack():
                said["after_s"] = outcome.after_ms / 1000
                return await self._database.row(_GIVE_BACK, said) is not None

    async def record_steps(self, attempt: Attempt, steps: Sequence[StepRecord], message: str) -> None:
        said = {**_ours(attempt), "message": message, "steps": to_json(STEPS, tuple(steps))}
        await self._database.rows(_RECORD, said)

    async def record_heard(self, attempt: Attempt, lines: Sequence[tuple[StepRecord, str]]) -> None:
        steps = STEPS.dump_python(tuple(step for step, _ in lines), mode="json")
        told = [{"step": step, "words": said_by(*heard)} for step, heard in zip(steps, lines, strict=True)]
        await self._database.rows(_HEARD, {**_ours(attempt), "lines": json.dumps(told)})

    async def _take(self, job_id: JobId, owner: str, ttl_ms: int) -> Attempt | None:
        try:
            taking = {"id": job_id, "owner": owner, "ttl_s": ttl_ms / 1000, "kinds": list(JOB_KINDS)}
            row = await self._database.row(_CLAIM, taking)
        except asyncpg.UniqueViolationError:
            # two heads were claimed at once and the unique index let one through
            return None
        if row is None:
            return None
        return Attempt(
            job_id=job_id,
            number=row["attempt"],
            request=REQUEST.validate_python(row["request"]),
            floor_epoch=row["epoch"],
            starts=row["starts"],
            max_starts=row["max_starts"],
            queued_since=row["created_at"],
            owner=owner,
            actor=row["actor"],
            contended=row["contended"],
            wishes=Wishes(row["cancel_requested_by"], row["paused_by"]),
            request_id=row["request_id"],
            traceparent=row["traceparent"],
            away_ms=row["away_ms"],
            not_before=row["not_before"],
        )

    async def _park(self, job_id: JobId) -> bool:
        async with self._database.single() as connection:
            return (await connection.execute(_PARK, {"id": job_id})).rowcount > 0

    async def _refusal(self, job_id: JobId) -> ClaimRefused:
        async with self._database.single() as connection:
            row = (await connection.execute(_WHO_HAS_IT, {"id": job_id})).mappings().first()
        if row is None:
            return ClaimRefused(job_id, ClaimRefusal.UNKNOWN)
        if row["kind"] not in JOB_KINDS:
            return ClaimRefused(job_id, ClaimRefusal.NEWER_RELEASE)
        state = JobState(row["state"])
        evidence = {key: _plain(row[key]) for key in ("state", "attempt", "owner")}
        if state is JobState.RUNNING:
            return ClaimRefused(job_id, ClaimRefusal.ALREADY_RUNNING, row["environment"], job_id, evidence)
        if state.final or row["holder"] is None:
            return ClaimRefused(job_id, ClaimRefusal.FINISHED, row["environment"], job_id, evidence)
        holder = {
            "holderState": row["holder_state"],
            "holderKind": row["holder_kind"],
            "holderWorker": row["holder_owner"],
            "holderSince": _plain(row["holder_since"]),
        }
        return ClaimRefused(job_id, ClaimRefusal.NOT_HEAD, row["environment"], JobId(row["holder"]), evidence | holder)


def _ours(attempt: Attempt) -> dict[str, Any]:
    return {"id": attempt.job_id, "attempt": attempt.number}


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
