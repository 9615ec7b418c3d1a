"""Deliveries to webhooks on PostgreSQL: made of notes in one transaction, and tried by whoever takes them first."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import DateTime, RowMapping, Text, Uuid, bindparam, select, text

from app.adapters.control.asking import asked_by
from app.adapters.control.database import ControlDatabase
from app.adapters.control.events import event_of
from app.adapters.control.webhook_tables import webhook_deliveries, webhooks
from app.adapters.control.webhooks import webhook_of
from app.domain.job import Origin
from app.domain.webhook import Delivery, DeliveryState, News, Try, Webhook
from app.ports import DeliveriesWanted, Sort

TRIES = TypeAdapter(tuple[Try, ...])

_NOTED = text("""
    WITH taken AS (
        DELETE FROM liftlock_control.webhook_outbox o
        WHERE o.event_id IN (
            SELECT i.event_id FROM liftlock_control.webhook_outbox i ORDER BY i.event_id LIMIT :limit
            FOR UPDATE SKIP LOCKED)
        RETURNING o.event_id)
    SELECT e.*, taken.event_id AS noted FROM taken LEFT JOIN liftlock_control.events e ON e.id = taken.event_id
    ORDER BY taken.event_id
""")
"""An event that is gone by now is told to nobody; its note goes all the same."""

_INSERT = text("""
    INSERT INTO liftlock_control.webhook_deliveries
        (id, webhook_id, message_id, event_id, type, body, next_try_at, created_at)
    VALUES (:id, :webhook_id, :message_id, :event_id, :type, :body, :next_try_at, :created_at)
    ON CONFLICT DO NOTHING
""").bindparams(*(bindparam(name, type_=DateTime(timezone=True)) for name in ("next_try_at", "created_at")))
_AUDIT = text("""
    INSERT INTO liftlock_control.audit
        (principal_id, principal_kind, principal_address, principal_name, request_id, action, subject, detail)
    VALUES (:by, :by_kind, :by_address, :by_name, :request_id, :action, :subject,
            jsonb_build_object('delivery', CAST(:delivery AS text)))
""").bindparams(*(bindparam(name, type_=Text) for name in ("by", "by_kind", "by_address", "by_name", "request_id")))
_DUE = (
    text("""
    WITH due AS (
        SELECT d.id FROM liftlock_control.webhook_deliveries d
        WHERE d.state = 'pending' AND d.next_try_at <= clock_timestamp()
        ORDER BY d.next_try_at, d.id LIMIT :limit FOR UPDATE SKIP LOCKED)
    UPDATE liftlock_control.webhook_deliveries d
    SET next_try_at = clock_timestamp() + make_interval(secs => :busy_for_s) FROM due WHERE d.id = due.id RETURNING d.*
""")
).columns(*webhook_deliveries.columns)
_TRIED = text("""
    UPDATE liftlock_control.webhook_deliveries
    SET state = :state, tries = CAST(:tries AS jsonb), finished_at = :finished_at,
        next_try_at = COALESCE(:next_try_at, next_try_at)
    WHERE id = :id AND state = 'pending'
""").bindparams(
    *(bindparam(name, type_=DateTime(timezone=True)) for name in ("next_try_at", "finished_at")),
    bindparam("id", type_=Uuid),
)


class ControlDeliveries:
    """Implements ports.Deliveries."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def spread(self, sort: Sort, limit: int) -> int:
        async with self._database.begin() as connection:
            noted = (await connection.execute(_NOTED, {"limit": limit})).mappings().all()
            if not noted:
                return 0
            known = [webhook_of(row) for row in (await connection.execute(select(webhooks))).mappings()]
            events = [event_of(_read(row)) for row in noted if row["id"] is not None]
            made = [_values(delivery) for event in events for delivery in sort(event, known)]
            if made:
                await connection.execute(_INSERT, made)
        return len(noted)

    async def add(self, delivery: Delivery, action: str, origin: Origin) -> None:
        about = {"action": action, "subject": str(delivery.webhook_id), "delivery": str(delivery.id)}
        async with self._database.begin() as connection:
            await connection.execute(_INSERT, _values(delivery))
            await connection.execute(_AUDIT, about | asked_by(origin))

    async def due(self, limit: int, busy_for_s: int) -> tuple[tuple[Delivery, Webhook], ...]:
        async with self._database.begin() as connection:
            found = (await connection.execute(_DUE, {"limit": limit, "busy_for_s": busy_for_s})).mappings().all()
            ids = {row["webhook_id"] for row in found}
            query = select(webhooks).where(webhooks.c.id.in_(ids))
            known = {row["id"]: webhook_of(row) for row in (await connection.execute(query)).mappings()} if ids else {}
        return tuple((_delivery(row), known[row["webhook_id"]]) for row in found)

    async def tried(self, delivery: Delivery) -> None:
        values = {
            "id": delivery.id,
            "state": delivery.state.value,
            "tries": TRIES.dump_json(delivery.tries).decode(),
            "next_try_at": delivery.next_try_at,
            "finished_at": delivery.finished_at,
        }
        async with self._database.single() as connection:
            await connection.execute(_TRIED, values)

    async def get(self, delivery_id: UUID) -> Delivery | None:
        query = select(webhook_deliveries).where(webhook_deliveries.c.id == delivery_id)
        async with self._database.single() as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else _delivery(row)

    async def page(self, wanted: DeliveriesWanted) -> tuple[Delivery, ...]:
        table = webhook_deliveries
        query = select(table).where(table.c.webhook_id == wanted.webhook_id)
        if wanted.before is not None:
            query = query.where(table.c.id < wanted.before)
        async with self._database.single() as connection:
            found = await connection.execute(query.order_by(table.c.id.desc()).limit(wanted.limit))
            return tuple(_delivery(row) for row in found.mappings())


def _read(row: RowMapping) -> dict[str, Any]:
    detail = row["detail"]
    return {**row, "detail": json.loads(detail) if isinstance(detail, str) else detail}


def _values(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "webhook_id": delivery.webhook_id,
        "message_id": delivery.message_id,
        "event_id": delivery.event_id,
        "type": delivery.type.value,
        "body": delivery.body,
        "next_try_at": delivery.next_try_at,
        "created_at": delivery.created_at,
    }


def _delivery(row: RowMapping) -> Delivery:
    state = DeliveryState(row["state"])
    return Delivery(
        id=row["id"],
        webhook_id=row["webhook_id"],
        message_id=row["message_id"],
        type=News(row["type"]),
        body=row["body"],
        created_at=row["created_at"],
        event_id=row["event_id"],
        state=state,
        tries=_tries(row["tries"]),
        next_try_at=row["next_try_at"] if state is DeliveryState.PENDING else None,
        finished_at=row["finished_at"],
    )


def _tries(kept: Sequence[object] | str) -> tuple[Try, ...]:
    return TRIES.validate_json(kept) if isinstance(kept, str) else TRIES.validate_python(kept)
