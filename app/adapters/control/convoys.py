"""Convoys on PostgreSQL: a job and its place among those of its parent, in one transaction."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.adapters.control.database import ControlDatabase, rows_on
from app.adapters.control.jobs import ADD, KNOW_TARGET, values_of
from app.adapters.control.rows import job_of
from app.adapters.control.tables import jobs
from app.domain.job import Job, JobId
from app.ports import NewJob

_LOCK_PARENT = text("SELECT 1 FROM liftlock_control.jobs WHERE id = :parent FOR NO KEY UPDATE")
_AT = text("""
    SELECT j.* FROM liftlock_control.convoys c JOIN liftlock_control.jobs j ON j.id = c.job_id
    WHERE c.parent_id = :parent AND c.place = :place
""").columns(*jobs.columns)
_TAKE_PLACE = text("INSERT INTO liftlock_control.convoys (parent_id, place, job_id) VALUES (:parent, :place, :job_id)")
_OF = text("""
    SELECT j.* FROM liftlock_control.convoys c JOIN liftlock_control.jobs j ON j.id = c.job_id
    WHERE c.parent_id = :parent ORDER BY c.place
""").columns(*jobs.columns)


class ControlConvoys:
    """Implements ports.Convoys."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def add(self, parent: JobId, place: int, job: NewJob) -> Job:
        async with self._database.begin() as connection:
            # whoever works on the parent, also one that is believed dead, looks before adding and after the other
            await connection.execute(_LOCK_PARENT, {"parent": parent})
            known = (await connection.execute(_AT, {"parent": parent, "place": place})).mappings().first()
            return job_of(known) if known is not None else await _added(connection, parent, place, job)

    async def of(self, parent: JobId) -> tuple[Job, ...]:
        async with self._database.single() as connection:
            return tuple(job_of(row) for row in (await connection.execute(_OF, {"parent": parent})).mappings())


async def _added(connection: AsyncConnection, parent: JobId, place: int, job: NewJob) -> Job:
    await connection.execute(KNOW_TARGET, {"queue": job.request.queue})
    (row,) = await rows_on(connection, ADD, values_of(job))
    await connection.execute(_TAKE_PLACE, {"parent": parent, "place": place, "job_id": job.id})
    return job_of(row)
