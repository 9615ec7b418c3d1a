"""LockLog on PostgreSQL: samples are only ever added, and the job says what the newest one shows."""

from sqlalchemy import Text, Uuid, bindparam, text

from app.adapters.codec import SAMPLE, to_json
from app.adapters.control.database import ControlDatabase
from app.domain.job import Attempt, JobId
from app.domain.locks import LockSample

_RECORD = text("""
    WITH said AS (
        UPDATE liftlock_control.jobs SET reason = :reason, message = :message
        WHERE id = :id AND attempt = :attempt AND state = 'running' RETURNING id)
    INSERT INTO liftlock_control.job_locks (job_id, sample) SELECT id, CAST(:sample AS jsonb) FROM said
""").bindparams(bindparam("id", type_=Uuid), *(bindparam(name, type_=Text) for name in ("reason", "message", "sample")))
_SAY = text("""
    UPDATE liftlock_control.jobs SET message = :message
    WHERE id = :id AND attempt = :attempt AND state = 'running' AND reason = 'lock'
""")
_OF = text("SELECT sample FROM liftlock_control.job_locks WHERE job_id = :id ORDER BY id")


class ControlLocks:
    """Implements ports.LockLog."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def record(self, attempt: Attempt, sample: LockSample, message: str) -> None:
        values = {
            "id": attempt.job_id,
            "attempt": attempt.number,
            "reason": "lock" if sample.waiting else "applying",
            "message": message,
            "sample": to_json(SAMPLE, sample),
        }
        async with self._database.single() as connection:
            await connection.execute(_RECORD, values)

    async def say(self, attempt: Attempt, message: str) -> None:
        async with self._database.single() as connection:
            await connection.execute(_SAY, {"id": attempt.job_id, "attempt": attempt.number, "message": message})

    async def of(self, job_id: JobId) -> tuple[LockSample, ...]:
        async with self._database.single() as connection:
            found = (await connection.execute(_OF, {"id": job_id})).scalars()
            return tuple(SAMPLE.validate_python(sample) for sample in found)
