"""Muster on PostgreSQL: everything is counted in one statement, over the indexes of what has not ended."""

from typing import Any

from sqlalchemy import Text, bindparam, text

from app.adapters.control.database import ControlDatabase
from app.adapters.control.direct import Direct, Row
from app.adapters.control.rows import JOB_KINDS
from app.domain.census import ALIVE_FOR, Census, Process

_COUNT = Direct(
    text("""
    WITH open AS MATERIALIZED (
        SELECT j.id, j.state, j.created_at, j.request->>'environment' AS environment FROM liftlock_control.jobs j
        WHERE j.state IN ('queued', 'running')
        UNION ALL
        SELECT j.id, j.state, j.created_at, j.request->>'environment' FROM liftlock_control.jobs j
        WHERE j.state = 'waiting')
    SELECT 'jobs' AS what, environment AS one, state AS other, count(*)::float8 AS number FROM open GROUP BY 2, 3
    UNION ALL
    SELECT 'oldest_queued_s', NULL, NULL, COALESCE(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8
    FROM open WHERE state = 'queued'
    UNION ALL
    SELECT 'sessions_waiting', open.environment, NULL, sum(jsonb_array_length(last.sample->'blocked'))::float8
    FROM open CROSS JOIN LATERAL (
        SELECT l.sample FROM liftlock_control.job_locks l WHERE l.job_id = open.id ORDER BY l.id DESC LIMIT 1) AS last
    WHERE open.state = 'running' GROUP BY 2
    UNION ALL
    SELECT 'rollout_targets', child.state, NULL, count(*)::float8
    FROM open JOIN liftlock_control.convoys c ON c.parent_id = open.id
    JOIN liftlock_control.jobs child ON child.id = c.job_id GROUP BY 2
    UNION ALL
    SELECT 'conflicts', COALESCE(environment, ''), kind, count(*)::float8
    FROM liftlock_control.conflicts WHERE state = 'open' GROUP BY 2, 3
    UNION ALL
    SELECT 'drifted', environment, NULL, CASE state WHEN 'drifted' THEN differences_total ELSE 0 END::float8
    FROM liftlock_control.drift_checks WHERE state <> 'not_checked'
    UNION ALL
    SELECT 'processes', kind, NULL, count(*)::float8
    FROM liftlock_control.processes WHERE seen_at > clock_timestamp() - CAST(:alive_for AS interval) GROUP BY 2
    UNION ALL
    SELECT 'deliveries_open', NULL, NULL, count(*)::float8
    FROM liftlock_control.webhook_deliveries WHERE state = 'pending'
    UNION ALL
    SELECT 'overdue_s', NULL, NULL, COALESCE(extract(epoch FROM clock_timestamp() - min(next_due)), 0)::float8
    FROM liftlock_control.schedules
    WHERE NOT paused AND next_due < clock_timestamp() AND kind = ANY (CAST(:kinds AS text[]))
""")
)
_SEEN = text("""
    INSERT INTO liftlock_control.processes AS known (name, kind, release) VALUES (:name, :kind, :release)
    ON CONFLICT (name) DO UPDATE SET seen_at = clock_timestamp(), release = excluded.release
""").bindparams(*(bindparam(name, type_=Text) for name in ("name", "kind", "release")))
_GONE = text("DELETE FROM liftlock_control.processes WHERE name = :name")


class ControlMuster:
    """Implements ports.Muster."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def count(self) -> Census:
        return _census(await self._database.rows(_COUNT, {"alive_for": ALIVE_FOR, "kinds": list(JOB_KINDS)}))

    async def seen(self, process: Process) -> None:
        values = {"name": process.name, "kind": process.kind.value, "release": process.release}
        async with self._database.single() as connection:
            await connection.execute(_SEEN, values)

    async def gone(self, name: str) -> None:
        async with self._database.single() as connection:
            await connection.execute(_GONE, {"name": name})


def _census(rows: list[Row]) -> Census:
    kinds = ("jobs", "conflicts", "drifted", "sessions_waiting", "rollout_targets", "processes")
    whole: dict[str, Any] = {kind: {} for kind in kinds}
    for row in rows:
        what, one, other, number = row["what"], row["one"], row["other"], row["number"]
        if what in ("oldest_queued_s", "deliveries_open", "overdue_s"):
            whole[what] = number
        else:
            whole[what][one if other is None else (one, other)] = int(number)
    return Census(**whole)
