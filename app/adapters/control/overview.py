"""EnvironmentLog on PostgreSQL: one statement for all environments."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from sqlalchemy import ARRAY, Text, bindparam, text

from app.adapters.control.database import ControlDatabase
from app.adapters.control.direct import Direct, Row
from app.adapters.control.drift import check_of
from app.adapters.control.rows import JOB_KINDS, job_of
from app.domain.axes import NO_JOBS, JobsSeen
from app.domain.drift import DriftCheck

_NAMES = bindparam("names", type_=ARRAY(Text))

_JOBS = Direct(
    text("""
    SELECT t.name AS environment, open.count AS open_count, j.*,
           COALESCE((
               SELECT jsonb_agg(s.name ORDER BY s.ordinal) FROM liftlock_control.job_steps s
               WHERE j.state = 'running' AND s.job_id = j.id AND s.state = 'running'), '[]') AS under_way
    FROM liftlock_control.targets t
    CROSS JOIN LATERAL (
        SELECT (SELECT count(*) FROM liftlock_control.jobs j
                WHERE j.target_id = t.id AND j.state IN ('queued', 'running'))
             + (SELECT count(*) FROM liftlock_control.jobs j
                WHERE j.target_id = t.id AND j.state = 'waiting') AS count) AS open
    LEFT JOIN LATERAL (
        (SELECT * FROM liftlock_control.jobs j
         WHERE j.target_id = t.id AND j.state IN ('succeeded', 'failed', 'cancelled', 'needs_attention')
         ORDER BY j.id DESC LIMIT 1)
        UNION ALL
        SELECT * FROM liftlock_control.jobs j WHERE j.target_id = t.id AND j.state = 'running') AS j ON true
    WHERE t.name = ANY (CAST(:names AS text[]))
""").bindparams(_NAMES)
)
"""At most two rows each: the last job and the running one. There is an index of those in the queue and one of those
that wait for a window, and none of both; so a long past costs nothing."""

_DRIFT = Direct(
    text("""
    SELECT environment, checked_at, state, message, expected, found, recorded_at, recorded_by_job,
           CAST('[]' AS jsonb) AS differences, differences_total, conflict_id, first_seen_at
    FROM liftlock_control.drift_checks WHERE environment = ANY (CAST(:names AS text[]))
""").bindparams(_NAMES)
)


class ControlEnvironmentLog:
    """Implements ports.EnvironmentLog."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def jobs(self, environments: Collection[str]) -> Mapping[str, JobsSeen]:
        found: dict[str, JobsSeen] = {}
        for row in await self._database.rows(_JOBS, {"names": list(environments)}):
            found[row["environment"]] = _with(row, found.get(row["environment"], NO_JOBS))
        return found

    async def drift(self, environments: Collection[str]) -> Mapping[str, DriftCheck]:
        rows = await self._database.rows(_DRIFT, {"names": list(environments)})
        return {row["environment"]: check_of(row) for row in rows}


def _with(row: Row, seen: JobsSeen) -> JobsSeen:
    seen = replace(seen, open=row["open_count"])
    if row["id"] is None or row["kind"] not in JOB_KINDS:
        return seen
    job = job_of(row)
    if job.state.final:
        return replace(seen, last=job)
    return replace(seen, running=job, under_way=tuple(row["under_way"]))
