"""Registered environments on PostgreSQL: each change with its audit row, in one statement.

A change that moves an environment first holds its queues: whoever adds a job to one of them waits for the row of its
target, and whoever would take one that is queued for the row of that job.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Integer, Text, TextClause, bindparam, select, text

from app.adapters.control.asking import asked_by
from app.adapters.control.database import ControlDatabase
from app.adapters.control.tables import environments
from app.domain.job import Origin
from app.domain.registered import Registered

_WHO = ("name", "by", "by_kind", "by_address", "by_name", "request_id")
_CHANGE = """
    WITH done AS ({change} RETURNING *),
    trail AS (
        INSERT INTO liftlock_control.audit
            (principal_id, principal_kind, principal_address, principal_name, request_id, action, environment, detail)
        SELECT :by, :by_kind, :by_address, :by_name, :request_id, 'environments.{action}', done.name, done.document
        FROM done){more}
    SELECT * FROM done
"""
_PUT_ROW = """
    INSERT INTO liftlock_control.environments AS known (name, document, updated_by)
    SELECT :name, CAST(:document AS jsonb), :label
    WHERE (COALESCE(:version, 0) = 0 OR EXISTS (SELECT FROM liftlock_control.environments WHERE name = :name))
      AND NOT EXISTS (
        SELECT FROM liftlock_control.jobs j JOIN liftlock_control.targets t ON t.id = j.target_id
        WHERE t.name = ANY (:unless_at_work) AND (j.state = 'running' OR j.state = 'queued' AND (
            j.starts > 0 OR j.attempt > 0 AND jsonb_typeof(j.request->'convoy') = 'object')))
    ON CONFLICT (name) DO UPDATE
    SET document = EXCLUDED.document, version = known.version + 1, updated_at = clock_timestamp(),
        updated_by = EXCLUDED.updated_by
    WHERE :version IS NULL OR known.version = :version
"""
_HOLD_QUEUES = text("""
    SELECT id FROM liftlock_control.targets WHERE name = ANY (:queues) ORDER BY id FOR UPDATE
""").bindparams(bindparam("queues", type_=ARRAY(Text)))
_HOLD_JOBS = text("""
    SELECT id FROM liftlock_control.jobs WHERE target_id = ANY (:targets) AND state = 'queued' ORDER BY id FOR UPDATE
""").bindparams(bindparam("targets", type_=ARRAY(BigInteger)))
_DELETE_ROW = """
    DELETE FROM liftlock_control.environments WHERE name = :name AND (:version IS NULL OR version = :version)
"""
_FORGET_FILE = """,
    forgotten AS (
        UPDATE liftlock_control.file_environments k SET removed_at = clock_timestamp() FROM done
        WHERE k.name = done.name OR starts_with(k.name, done.name || '.'))"""
"""One that stood in liftlock.toml before it was registered is not to come back as left out of it."""


def _statement(change: str, action: str, more: str = "") -> TextClause:
    written = _CHANGE.replace("{change}", change).replace("{action}", action).replace("{more}", more)
    return text(written).bindparams(*(bindparam(name, type_=Text) for name in _WHO))


_PUT = _statement(_PUT_ROW, "put").bindparams(
    bindparam("document", type_=Text),
    bindparam("label", type_=Text),
    bindparam("version", type_=Integer),
    bindparam("unless_at_work", type_=ARRAY(Text)),
)
_DELETE = _statement(_DELETE_ROW, "delete", _FORGET_FILE).bindparams(bindparam("version", type_=Integer))


class ControlRegistry:
    """Implements ports.Registry."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def all(self) -> tuple[Registered, ...]:
        async with self._database.single() as connection:
            rows = await connection.execute(select(environments).order_by(environments.c.name))
            return tuple(_registered(row) for row in rows.mappings())

    async def put(
        self,
        name: str,
        document: Mapping[str, object],
        version: int | None,
        origin: Origin,
        unless_at_work: Sequence[str] = (),
    ) -> Registered | None:
        values = {
            "name": name,
            **asked_by(origin),
            "document": json.dumps(document),
            "version": version,
            "label": origin.principal.label,
            "unless_at_work": list(unless_at_work),
        }
        async with self._database.begin() as connection:
            if unless_at_work:
                held = await connection.execute(_HOLD_QUEUES, {"queues": list(unless_at_work)})
                await connection.execute(_HOLD_JOBS, {"targets": list(held.scalars())})
            row = (await connection.execute(_PUT.columns(*environments.columns), values)).mappings().first()
            return None if row is None else _registered(row)

    async def delete(self, name: str, version: int | None, origin: Origin) -> bool:
        values = {"name": name, "version": version, **asked_by(origin)}
        async with self._database.single() as connection:
            return (await connection.execute(_DELETE, values)).first() is not None


def _registered(row: Any) -> Registered:
    """What somebody has put into the table that is no object is one that holds nothing, which no reader can use."""
    document = row["document"]
    return Registered(
        row["name"],
        document if isinstance(document, dict) else {},
        row["version"],
        row["updated_at"],
        row["updated_by"],
    )
