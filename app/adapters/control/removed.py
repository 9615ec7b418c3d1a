"""FileRecord on PostgreSQL: what liftlock.toml has held, beside the jobs that tell of it."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ARRAY, Integer, Text, bindparam, text

from app.adapters.control.asking import asked_by
from app.adapters.control.database import ControlDatabase
from app.adapters.control.direct import Direct, Row
from app.domain.environment import Protection
from app.domain.job import NOT_HERE, Origin
from app.domain.removed import MOST_COUNTED, InFile, Removed

_SEEN = text("""
    INSERT INTO liftlock_control.file_environments AS known (name, address, protection)
    SELECT * FROM unnest(CAST(:names AS text[]), CAST(:addresses AS text[]), CAST(:protections AS text[]))
    ORDER BY 1
    ON CONFLICT (name) DO UPDATE
    SET address = EXCLUDED.address, protection = EXCLUDED.protection, last_seen_at = clock_timestamp(),
        removed_at = NULL
""")
"""In the order of their names: processes that start together wait for one another, and never in a circle."""

_WAKE = text("""
    WITH come AS (
        SELECT j.id FROM liftlock_control.jobs j JOIN liftlock_control.targets t ON t.id = j.target_id
        WHERE j.state = 'queued' AND j.reason = :reason AND j.next_dispatch_at > clock_timestamp()
          AND (split_part(t.name, '/', 1) = ANY (CAST(:names AS text[]))
               OR split_part(t.name, '.', 1) = ANY (CAST(:names AS text[])))
        ORDER BY j.id FOR UPDATE OF j SKIP LOCKED)
    UPDATE liftlock_control.jobs j SET next_dispatch_at = clock_timestamp() FROM come WHERE j.id = come.id
""")

_LEFT_OUT = Direct(
    text("""
    WITH gone AS MATERIALIZED (
        SELECT * FROM liftlock_control.file_environments k
        WHERE k.removed_at IS NULL AND NOT k.name = ANY (CAST(:known AS text[]))
          AND (strpos(k.name, '.') = 0 OR split_part(k.name, '.', 1) = ANY (CAST(:wholes AS text[])))),
    queues AS MATERIALIZED (
        SELECT gone.name, t.id FROM gone JOIN liftlock_control.targets t
            ON (t.name = gone.name OR starts_with(t.name, gone.name || '.')) AND strpos(t.name, '/') = 0),
    counted AS (
        SELECT gone.*,
            (SELECT count(*) FROM (
                SELECT FROM queues q JOIN liftlock_control.jobs j ON j.target_id = q.id
                WHERE q.name = gone.name LIMIT :most) AS first_ones) AS jobs,
            (SELECT count(*) FROM queues q JOIN liftlock_control.jobs j ON j.target_id = q.id
             WHERE q.name = gone.name AND j.state IN ('queued', 'running'))
          + (SELECT count(*) FROM queues q JOIN liftlock_control.jobs j ON j.target_id = q.id
             WHERE q.name = gone.name AND j.state = 'waiting') AS open_jobs
        FROM gone)
    SELECT * FROM counted c
    WHERE c.jobs > 0
       OR EXISTS (SELECT FROM liftlock_control.conflicts f
                  WHERE f.environment = c.name OR starts_with(f.environment, c.name || '.'))
       OR EXISTS (SELECT FROM liftlock_control.drift_checks d
                  WHERE d.recorded_at IS NOT NULL
                    AND (d.environment = c.name OR starts_with(d.environment, c.name || '.')))
    ORDER BY c.name
""").bindparams(
        bindparam("known", type_=ARRAY(Text)),
        bindparam("wholes", type_=ARRAY(Text)),
        bindparam("most", type_=Integer),
    )
)
"""Where nothing is left out, which is nearly always, a look at one small table."""

_REMOVE = text("""
    WITH done AS (
        UPDATE liftlock_control.file_environments k SET removed_at = clock_timestamp()
        WHERE k.removed_at IS NULL AND (k.name = :name OR starts_with(k.name, :name || '.')) RETURNING k.*),
    trail AS (
        INSERT INTO liftlock_control.audit
            (principal_id, principal_kind, principal_address, principal_name, request_id, action, environment, detail)
        SELECT :by, :by_kind, :by_address, :by_name, :request_id, 'environments.delete', done.name,
               jsonb_build_object('address', done.address, 'lastSeenAt', done.last_seen_at)
        FROM done WHERE done.name = :name)
    SELECT liftlock_control.tell('environment.removed', NULL, done.name, NULL, done.name || ', by ' || :label,
                                 jsonb_build_object('by', CAST(:label AS text)))
    FROM done WHERE done.name = :name
""").bindparams(
    *(bindparam(name, type_=Text) for name in ("name", "by", "by_kind", "by_address", "by_name", "request_id", "label"))
)


class ControlFileRecord:
    """Implements ports.FileRecord."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def seen(self, standing: Sequence[InFile]) -> None:
        values = {
            "names": [one.name for one in standing],
            "addresses": [one.address for one in standing],
            "protections": [one.protection.value for one in standing],
        }
        async with self._database.single() as connection:
            await connection.execute(_SEEN, values)

    async def left_out(self, known: Collection[str], wholes: Collection[str]) -> tuple[Removed, ...]:
        values = {"known": list(known), "wholes": list(wholes), "most": MOST_COUNTED + 1}
        return tuple(_removed(row) for row in await self._database.rows(_LEFT_OUT, values))

    async def remove(self, name: str, origin: Origin) -> bool:
        values: dict[str, Any] = {"name": name, "label": origin.principal.label, **asked_by(origin)}
        async with self._database.single() as connection:
            return (await connection.execute(_REMOVE, values)).first() is not None

    async def wake(self, names: Collection[str]) -> None:
        async with self._database.single() as connection:
            await connection.execute(_WAKE, {"names": list(names), "reason": NOT_HERE})


def _removed(row: Row) -> Removed:
    stood = InFile(row["name"], row["address"], Protection(row["protection"]))
    return Removed(stood, row["first_seen_at"], row["last_seen_at"], row["jobs"], row["open_jobs"])
