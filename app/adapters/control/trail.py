"""Rows of the audit trail for what changes nothing else in the control database."""

from sqlalchemy import Text, bindparam, text

from app.adapters.control.database import ControlDatabase
from app.domain.job import Origin

_ADD = text("""
    INSERT INTO liftlock_control.audit
        (principal_id, principal_kind, principal_address, request_id, action, environment, detail)
    VALUES (:by, :by_kind, :by_address, :request_id, :action, :environment, jsonb_build_object('note', :note))
""").bindparams(
    *(bindparam(name, type_=Text) for name in ("by", "by_kind", "by_address", "request_id", "action", "environment")),
    bindparam("note", type_=Text),
)


class ControlTrail:
    """Implements ports.Trail."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def add(self, origin: Origin, action: str, environment: str, detail: str | None) -> None:
        who = origin.principal
        values = {
            "by": who.id,
            "by_kind": who.kind,
            "by_address": who.address,
            "request_id": origin.request_id,
            "action": action,
            "environment": environment,
            "note": detail,
        }
        async with self._database.single() as connection:
            await connection.execute(_ADD, values)
