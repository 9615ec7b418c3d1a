"""The tables of webhooks as code, beside those of `tables.py`."""

from sqlalchemy import ARRAY, BigInteger, Column, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from app.adapters.control.tables import MOMENT, metadata

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text),
    Column("url", Text),
    Column("shown", Text),
    Column("format", Text),
    Column("events", ARRAY(Text)),
    Column("environments", ARRAY(Text)),
    Column("secret", Text),
    Column("previous_secret", Text),
    Column("previous_until", MOMENT),
    Column("created_at", MOMENT),
    Column("created_by", Text),
    Column("disabled_at", MOMENT),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("webhook_id", Uuid),
    Column("message_id", Uuid),
    Column("event_id", BigInteger),
    Column("type", Text),
    Column("body", Text),
    Column("state", Text),
    Column("tries", JSONB),
    Column("next_try_at", MOMENT),
    Column("created_at", MOMENT),
    Column("finished_at", MOMENT),
)
