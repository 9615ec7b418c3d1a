"""EventLog on PostgreSQL: the rows that the triggers of `0016_events.sql` write, read by place."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Integer, Uuid, bindparam, text

from app.adapters.codec import FAILURE, SAMPLE, STEPS
from app.adapters.control.database import ControlDatabase
from app.adapters.control.direct import Direct, Row
from app.domain.events import Event
from app.ports import EventsWanted, LogPart

_BIG = (bindparam("after", type_=BigInteger), bindparam("until", type_=BigInteger), bindparam("limit", type_=Integer))
_JOB = bindparam("job_id", type_=Uuid)
_PLACE = (bindparam("first", type_=BigInteger), bindparam("last", type_=BigInteger), bindparam("limit", type_=Integer))

_ALL = Direct(
    text("""
    SELECT * FROM liftlock_control.events
    WHERE id > :after AND (CAST(:until AS bigint) IS NULL OR id <= :until) ORDER BY id LIMIT :limit
""").bindparams(*_BIG)
)
_OF_JOB = Direct(
    text("""
    SELECT * FROM liftlock_control.events
    WHERE job_id = :job_id AND id > :after AND (CAST(:until AS bigint) IS NULL OR id <= :until)
    ORDER BY id LIMIT :limit
""").bindparams(_JOB, *_BIG)
)
_NEWEST = Direct(text("SELECT COALESCE(max(id), 0) AS newest FROM liftlock_control.events"))
_LOG_BYTES = Direct(
    text("""
    SELECT log_end FROM liftlock_control.events WHERE job_id = :job_id ORDER BY log_end DESC LIMIT 1
""").bindparams(_JOB)
)
_LINES = Direct(
    text("""
    SELECT id, at, type, said, log_end FROM liftlock_control.events
    WHERE job_id = :job_id AND log_end > :first
      AND log_end <= (SELECT log_end FROM liftlock_control.events
                      WHERE job_id = :job_id AND log_end > :last ORDER BY log_end LIMIT 1)
    ORDER BY log_end LIMIT :limit
""").bindparams(_JOB, *_PLACE)
)
"""The line that holds a byte is the first that ends behind it."""

_LAST_LINES = Direct(
    text("""
    SELECT log_end FROM liftlock_control.events WHERE job_id = :job_id ORDER BY log_end DESC OFFSET :count LIMIT 1
""").bindparams(_JOB, bindparam("count", type_=Integer))
)
_PLAIN = ("kind", "state", "reason", "message", "attempt", "by")


class ControlEvents:
    """Implements ports.EventLog."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def find(self, wanted: EventsWanted) -> tuple[Event, ...]:
        values: dict[str, Any] = {"after": wanted.after, "until": wanted.until, "limit": wanted.limit}
        if wanted.job_id is None:
            return tuple(map(event_of, await self._database.rows(_ALL, values)))
        return tuple(map(event_of, await self._database.rows(_OF_JOB, values | {"job_id": wanted.job_id})))

    async def newest(self) -> int:
        row = await self._database.row(_NEWEST, {})
        return 0 if row is None else int(row["newest"])

    async def log_bytes(self, job_id: UUID) -> int:
        return _end(await self._database.row(_LOG_BYTES, {"job_id": job_id}))

    async def lines(self, part: LogPart, limit: int) -> tuple[Event, ...]:
        values = {"job_id": part.job_id, "first": part.first, "last": part.last, "limit": limit}
        return tuple(Event(**row) for row in await self._database.rows(_LINES, values))

    async def last_lines(self, job_id: UUID, count: int) -> int:
        return _end(await self._database.row(_LAST_LINES, {"job_id": job_id, "count": count}))


def _end(row: Row | None) -> int:
    return 0 if row is None else int(row["log_end"])


def event_of(row: Row) -> Event:
    detail = row["detail"]
    step, lock, error = (detail.get(name) for name in ("step", "lock", "error"))
    return Event(
        id=row["id"],
        at=row["at"],
        type=row["type"],
        said=row["said"],
        job_id=None if row["job_id"] is None else UUID(str(row["job_id"])),
        environment=row["environment"],
        subject=row["subject"],
        log_end=row["log_end"],
        **{name: detail.get(name) for name in _PLAIN},
        step=None if step is None else STEPS.validate_python((step,))[0],
        lock=None if lock is None else SAMPLE.validate_python(lock),
        error=None if error is None else FAILURE.validate_python(error),
    )
