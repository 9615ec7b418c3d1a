"""The audit trail on PostgreSQL: rows are added and read, and triggers refuse everything else."""

import json

from sqlalchemy import RowMapping, insert, or_, select

from app.adapters.control.database import ControlDatabase
from app.adapters.control.environment_names import concerns
from app.adapters.control.tables import audit
from app.domain.audit import AuditRow, Deed
from app.domain.job import Origin
from app.domain.principal import Principal
from app.ports import AuditWanted


class ControlTrail:
    """Implements ports.Trail."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def note(self, deed: Deed) -> None:
        who = deed.origin.principal
        values = {
            "principal_id": who.id,
            "principal_kind": who.kind,
            "principal_address": who.address,
            "principal_name": who.name,
            "request_id": deed.origin.request_id,
            "action": deed.action,
            "environment": deed.environment,
            "subject": deed.subject,
            "refused": deed.refused,
            "detail": dict(deed.detail),
        }
        async with self._database.single() as connection:
            await connection.execute(insert(audit).values(values))

    async def find(self, wanted: AuditWanted) -> tuple[AuditRow, ...]:
        query = select(audit).order_by(audit.c.id.desc()).limit(wanted.limit)
        if wanted.before is not None:
            query = query.where(audit.c.id < wanted.before)
        if wanted.principal is not None:
            who = (audit.c.principal_id == wanted.principal, audit.c.principal_name == wanted.principal)
            query = query.where(or_(*who))
        if wanted.action is not None:
            query = query.where(audit.c.action == wanted.action)
        if wanted.environment is not None:
            whose = concerns(audit.c.environment, wanted.environment, with_targets=wanted.with_targets)
            query = query.where(whose)
        if wanted.since is not None:
            query = query.where(audit.c.at >= wanted.since)
        async with self._database.single() as connection:
            return tuple(_row(row) for row in (await connection.execute(query)).mappings())


def _row(row: RowMapping) -> AuditRow:
    detail = row["detail"]
    return AuditRow(
        id=row["id"],
        at=row["at"],
        deed=Deed(
            origin=Origin(
                Principal(row["principal_id"], row["principal_kind"], row["principal_address"], row["principal_name"]),
                row["request_id"],
            ),
            action=row["action"],
            environment=row["environment"],
            subject=row["subject"],
            refused=row["refused"],
            detail=json.loads(detail) if isinstance(detail, str) else detail,
        ),
    )
