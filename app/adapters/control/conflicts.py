"""ConflictLog on PostgreSQL: repeats of one cause are one record with a count."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import DateTime, Text, Uuid, bindparam, select, text

from app.adapters.clock import new_id
from app.adapters.control.asking import asked_by
from app.adapters.control.database import ControlDatabase
from app.adapters.control.direct import Direct
from app.adapters.control.environment_names import concerns
from app.adapters.control.rows import CONFLICT_KINDS, conflict_of
from app.adapters.control.tables import conflicts
from app.domain.conflict import Collision, Conflict
from app.domain.job import JobId
from app.ports import Answer, ConflictQuery

AT_ONCE = 500
_RECORD = (
    text("""
    INSERT INTO liftlock_control.conflicts AS c
        (id, kind, environment, job_id, other_job_id, migrations, message, evidence, answer, fingerprint, state,
         resolution, resolved_at)
    SELECT seen.*, CASE WHEN seen.state = 'resolved' THEN 'none' END,
           CASE WHEN seen.state = 'resolved' THEN clock_timestamp() END
    FROM jsonb_to_recordset(CAST(:seen AS jsonb)) AS seen (
        id uuid, kind text, environment text, job_id uuid, other_job_id uuid, migrations text[], message text,
        evidence jsonb, answer text, fingerprint text, state text)
    ON CONFLICT (md5(fingerprint)) WHERE state = 'open' OR resolution IN ('none', 'ignore', 'ignore_until')
    DO UPDATE SET count = c.count + 1, last_seen_at = clock_timestamp(), message = excluded.message,
                  evidence = excluded.evidence, answer = excluded.answer,
                  state = CASE WHEN c.ignored_until < clock_timestamp() THEN 'open' ELSE c.state END,
                  resolution = CASE WHEN c.ignored_until < clock_timestamp() THEN NULL ELSE c.resolution END,
                  resolved_at = CASE WHEN c.ignored_until < clock_timestamp() THEN NULL ELSE c.resolved_at END,
                  ignored_until = CASE WHEN c.ignored_until < clock_timestamp() THEN NULL ELSE c.ignored_until END
    RETURNING c.*
""")
    .bindparams(bindparam("seen", type_=Text))
    .columns(*conflicts.columns)
)
"""A new record each, or one more of the record with the same fingerprint; one whose time has passed is open again."""

_SETTLE = text("""
    UPDATE liftlock_control.conflicts
    SET state = 'resolved', resolution = 'wait', resolved_at = clock_timestamp(), waited_ms = :waited_ms,
        answer = 'the waiting job got its turn'
    WHERE job_id = :job_id AND kind = 'lock_contention' AND state = 'open'
""")
_IGNORED = text("""
    SELECT fingerprint FROM liftlock_control.conflicts
    WHERE environment = :environment AND resolution = 'ignore_until' AND ignored_until > clock_timestamp()
""")
_EXPIRE = Direct(
    text("""
    WITH gone AS (
        UPDATE liftlock_control.conflicts
        SET state = 'expired', resolved_at = clock_timestamp(), resolution = 'cause_gone'
        WHERE environment = :environment AND state = 'open' AND kind = ANY (:kinds)
          AND NOT fingerprint = ANY (:seen) RETURNING 1)
    SELECT count(*) AS expired FROM gone
""")
)
_CLOSE = text("""
    WITH closed AS (
        UPDATE liftlock_control.conflicts
        SET state = 'resolved', resolution = :resolution, resolved_at = clock_timestamp(), resolved_by = :label,
            note = :note, resolved_by_job = :job_id, answer = :answer, ignored_until = :until
        WHERE id = :id AND (state = 'open' OR state = 'expired' AND :job_id IS NOT NULL) RETURNING *),
    trail AS (
        INSERT INTO liftlock_control.audit
            (principal_id, principal_kind, principal_address, principal_name, request_id, action, environment, subject,
             detail)
        SELECT :by, :by_kind, :by_address, :by_name, :request_id, 'conflicts.resolve', closed.environment,
               CAST(closed.id AS text),
               jsonb_build_object('kind', closed.kind, 'resolution', closed.resolution, 'note', closed.note)
        FROM closed WHERE closed.resolved_by_job IS NULL)
    SELECT * FROM closed
""")
"""Whoever looks between a job's step and its end finds the cause gone: the job's answer still stands."""

_CLOSE = _CLOSE.bindparams(
    *(
        bindparam(name, type_=Text)
        for name in ("resolution", "by", "note", "answer", "by_kind", "by_address", "by_name", "label")
    ),
    *(bindparam(name, type_=Uuid) for name in ("id", "job_id")),
    bindparam("request_id", type_=Text),
    bindparam("until", type_=DateTime(timezone=True)),
)


class ControlConflicts:
    """Implements ports.ConflictLog and ports.ConflictAnswers."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def record(self, collision: Collision) -> Conflict:
        (recorded,) = await self.record_all([collision])
        return recorded

    async def record_all(self, collisions: Sequence[Collision]) -> tuple[Conflict, ...]:
        """One statement, however many they are: a wrong folder disagrees about everything at once."""
        unlike = list({collision.fingerprint: collision for collision in collisions}.values())
        recorded: list[Conflict] = []
        async with self._database.begin() as connection:
            for first in range(0, len(unlike), AT_ONCE):
                seen = json.dumps([_values(collision) for collision in unlike[first : first + AT_ONCE]])
                rows = (await connection.execute(_RECORD, {"seen": seen})).mappings()
                recorded.extend(conflict_of(row) for row in rows)
        return tuple(recorded)

    async def find(self, query: ConflictQuery) -> tuple[Conflict, ...]:
        wanted = select(conflicts).where(conflicts.c.kind.in_(CONFLICT_KINDS)).order_by(conflicts.c.id.desc())
        if query.limit is not None:
            wanted = wanted.limit(query.limit)
        if query.before is not None:
            wanted = wanted.where(conflicts.c.id < query.before)
        if query.state is not None:
            wanted = wanted.where(conflicts.c.state == query.state.value)
        if query.environment is not None:
            whose = concerns(conflicts.c.environment, query.environment, with_targets=query.with_targets)
            wanted = wanted.where(whose)
        async with self._database.single() as connection:
            return tuple(conflict_of(row) for row in (await connection.execute(wanted)).mappings())

    async def get(self, conflict_id: uuid.UUID) -> Conflict | None:
        async with self._database.single() as connection:
            wanted = select(conflicts).where(conflicts.c.id == conflict_id, conflicts.c.kind.in_(CONFLICT_KINDS))
            row = (await connection.execute(wanted)).mappings().first()
            return None if row is None else conflict_of(row)

    async def close(self, conflict_id: uuid.UUID, answer: Answer) -> Conflict | None:
        label = answer.origin.principal.label
        values = {
            "id": conflict_id,
            "resolution": answer.resolution,
            "label": label,
            **asked_by(answer.origin),
            "note": answer.note,
            "job_id": answer.job_id,
            "answer": f"{answer.resolution}, said {label}",
            "until": answer.until,
        }
        async with self._database.single() as connection:
            row = (await connection.execute(_CLOSE.columns(*conflicts.columns), values)).mappings().first()
            return None if row is None else conflict_of(row)

    async def settle_contention(self, job_id: JobId, waited_ms: int) -> int:
        async with self._database.single() as connection:
            settled = await connection.execute(_SETTLE, {"job_id": job_id, "waited_ms": waited_ms})
            return settled.rowcount

    async def ignored(self, environment: str) -> frozenset[str]:
        async with self._database.single() as connection:
            found = await connection.execute(_IGNORED, {"environment": environment})
            return frozenset(found.scalars())

    async def expire(self, environment: str, kinds: Sequence[str], seen: Sequence[str]) -> int:
        values = {"environment": environment, "kinds": list(kinds), "seen": list(seen)}
        row = await self._database.row(_EXPIRE, values)
        return 0 if row is None else int(row["expired"])


def _values(collision: Collision) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "kind": collision.kind.value,
        "environment": collision.environment,
        "job_id": _text(collision.job_id),
        "other_job_id": _text(collision.other_job_id),
        "migrations": list(collision.migrations),
        "message": collision.message,
        "evidence": dict(collision.evidence),
        "answer": collision.answer,
        "fingerprint": collision.fingerprint,
        "state": collision.state.value,
    }


def _text(job_id: uuid.UUID | None) -> str | None:
    return None if job_id is None else str(job_id)
