"""Webhooks on PostgreSQL: each change writes its row of the audit trail in the same statement."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import DateTime, RowMapping, Text, Uuid, bindparam, select, text
from sqlalchemy.exc import IntegrityError

from app.adapters.control.asking import asked_by
from app.adapters.control.database import ControlDatabase, driver_error
from app.adapters.control.webhook_tables import webhooks
from app.domain.errors import NameTaken
from app.domain.job import Origin
from app.domain.webhook import Format, News, Webhook

_WHO = tuple(bindparam(name, type_=Text) for name in ("by", "by_kind", "by_address", "by_name", "request_id"))
_TRAIL = """
    INSERT INTO liftlock_control.audit
        (principal_id, principal_kind, principal_address, principal_name, request_id, action, subject, detail)
    SELECT :by, :by_kind, :by_address, :by_name, :request_id,"""
_ADD = text(f"""
    WITH made AS (
        INSERT INTO liftlock_control.webhooks
            (id, name, url, shown, format, events, environments, secret, created_at, created_by)
        VALUES (:id, :name, :url, :shown, :format, CAST(:events AS text[]), CAST(:environments AS text[]), :secret,
                :created_at, :created_by)
        RETURNING *)
    {_TRAIL} 'webhooks.add', CAST(made.id AS text), jsonb_build_object('name', made.name, 'url', made.shown)
    FROM made
""").bindparams(*_WHO, bindparam("created_at", type_=DateTime(timezone=True)))  # noqa: S608 - our own text
_REMOVE = text(f"""
    WITH gone AS (DELETE FROM liftlock_control.webhooks WHERE id = :id RETURNING *)
    {_TRAIL} 'webhooks.remove', CAST(gone.id AS text), jsonb_build_object('name', gone.name) FROM gone
""").bindparams(*_WHO, bindparam("id", type_=Uuid))  # noqa: S608 - our own text
_ROTATE = (
    text(f"""
    WITH changed AS (
        UPDATE liftlock_control.webhooks
        SET previous_secret = secret, previous_until = :until, secret = :secret WHERE id = :id RETURNING *),
    trail AS (
        {_TRAIL} 'webhooks.rotate', CAST(changed.id AS text), jsonb_build_object('name', changed.name) FROM changed)
    SELECT * FROM changed
""")  # noqa: S608 - our own text
    .bindparams(*_WHO, bindparam("id", type_=Uuid), bindparam("until", type_=DateTime(timezone=True)))
    .columns(*webhooks.columns)
)
_DISABLE = text("""
    UPDATE liftlock_control.webhooks SET disabled_at = clock_timestamp() WHERE id = :id AND disabled_at IS NULL
""")


class ControlWebhooks:
    """Implements ports.Webhooks."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    async def add(self, webhook: Webhook, origin: Origin) -> None:
        values = {
            "id": webhook.id,
            "name": webhook.name,
            "url": webhook.url,
            "shown": webhook.shown,
            "format": webhook.format.value,
            "events": sorted(one.value for one in webhook.events),
            "environments": list(webhook.environments),
            "secret": webhook.secret,
            "created_at": webhook.created_at,
            "created_by": webhook.created_by,
        }
        try:
            async with self._database.single() as connection:
                await connection.execute(_ADD, values | asked_by(origin))
        except IntegrityError as error:
            if isinstance(driver_error(error), asyncpg.UniqueViolationError):
                raise NameTaken(
                    f"there is a webhook {webhook.name!r} already; take another name, or remove that one first",
                    next_steps=("GET /webhooks",),
                ) from None
            raise

    async def all(self) -> tuple[Webhook, ...]:
        async with self._database.single() as connection:
            found = await connection.execute(select(webhooks).order_by(webhooks.c.name))
            return tuple(webhook_of(row) for row in found.mappings())

    async def get(self, webhook_id: UUID) -> Webhook | None:
        async with self._database.single() as connection:
            query = select(webhooks).where(webhooks.c.id == webhook_id)
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else webhook_of(row)

    async def remove(self, webhook_id: UUID, origin: Origin) -> bool:
        async with self._database.single() as connection:
            return (await connection.execute(_REMOVE, {"id": webhook_id, **asked_by(origin)})).rowcount > 0

    async def rotate(self, webhook_id: UUID, secret: str, until: datetime, origin: Origin) -> Webhook | None:
        values: dict[str, Any] = {"id": webhook_id, "secret": secret, "until": until, **asked_by(origin)}
        async with self._database.single() as connection:
            row = (await connection.execute(_ROTATE, values)).mappings().first()
        return None if row is None else webhook_of(row)

    async def disable(self, webhook_id: UUID) -> None:
        async with self._database.single() as connection:
            await connection.execute(_DISABLE, {"id": webhook_id})


def webhook_of(row: RowMapping) -> Webhook:
    """News that this release does not know is wanted in vain."""
    known = {one.value: one for one in News}
    return Webhook(
        id=row["id"],
        name=row["name"],
        url=row["url"],
        shown=row["shown"],
        secret=row["secret"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        format=Format(row["format"]),
        events=frozenset(known[one] for one in row["events"] if one in known),
        environments=tuple(row["environments"]),
        previous_secret=row["previous_secret"],
        previous_until=row["previous_until"],
        disabled_at=row["disabled_at"],
    )
