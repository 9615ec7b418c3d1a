"""DriftLog on PostgreSQL: one row an environment, the last look."""

import json
from typing import Any

from sqlalchemy import Text, Uuid, bindparam, text

from app.adapters.control.database import ControlDatabase
from app.adapters.control.rows import Columns
from app.domain.drift import DriftCheck, DriftState

_PUT = text("""
    INSERT INTO liftlock_control.drift_checks AS known
        (environment, state, message, expected, found, recorded_at, recorded_by_job, differences, differences_total,
         conflict_id, first_seen_at)
    VALUES (:environment, :state, :message, :expected, :found, :recorded_at, :recorded_by_job,
            CAST(:differences AS jsonb), :total, :conflict_id, :first_seen_at)
    ON CONFLICT (environment) DO UPDATE
    SET checked_at = clock_timestamp(), state = excluded.state, message = excluded.message,
        expected = excluded.expected, found = excluded.found, recorded_at = excluded.recorded_at,
        recorded_by_job = excluded.recorded_by_job, differences = excluded.differences,
        differences_total = excluded.differences_total, conflict_id = excluded.conflict_id,
        first_seen_at = excluded.first_seen_at
    RETURNING *
""").bindparams(
    *(bindparam(name, type_=Text) for name in ("environment", "state", "message", "expected", "found", "differences")),
    *(bindparam(name, type_=Uuid) for name in ("recorded_by_job", "conflict_id")),
)
_OF = text("SELECT * FROM liftlock_control.drift_checks WHERE environment = :environment")


class ControlDrift:
    """Implements ports.DriftLog."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def put(self, check: DriftCheck) -> DriftCheck:
        async with self._database.single() as connection:
            return check_of((await connection.execute(_PUT, _values(check))).mappings().one())

    async def of(self, environment: str) -> DriftCheck | None:
        async with self._database.single() as connection:
            row = (await connection.execute(_OF, {"environment": environment})).mappings().first()
            return None if row is None else check_of(row)


def check_of(row: Columns) -> DriftCheck:
    return DriftCheck(
        environment=row["environment"],
        state=DriftState(row["state"]),
        message=row["message"],
        expected=row["expected"],
        found=row["found"],
        recorded_at=row["recorded_at"],
        recorded_by_job=row["recorded_by_job"],
        differences=tuple(row["differences"]),
        total=row["differences_total"],
        conflict_id=row["conflict_id"],
        first_seen_at=row["first_seen_at"],
        checked_at=row["checked_at"],
    )


def _values(check: DriftCheck) -> dict[str, Any]:
    return {
        "environment": check.environment,
        "state": check.state.value,
        "message": check.message,
        "expected": check.expected,
        "found": check.found,
        "recorded_at": check.recorded_at,
        "recorded_by_job": check.recorded_by_job,
        "differences": json.dumps([dict(one) for one in check.differences]),
        "total": check.total,
        "conflict_id": check.conflict_id,
        "first_seen_at": check.first_seen_at,
    }
