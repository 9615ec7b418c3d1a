"""Webhooks, and whether their receivers have heard."""

from collections.abc import Mapping
from datetime import datetime

from app.client.reading import Document, document


@document
class Webhook(Document):
    """`url`: as far as it may be shown. `rotatingUntil`: for so long the secret before signs as well."""

    id: str
    name: str
    url: str
    format: str
    events: tuple[str, ...]
    environments: tuple[str, ...]
    state: str
    rotating_until: datetime | None
    created_at: datetime
    created_by: str
    links: Mapping[str, str]


@document
class MadeWebhook(Webhook):
    """`secret` is shown this once; null where it was given by reference, or where the answer is a repeated one."""

    secret: str | None


@document
class Try(Document):
    """`status` null: there was no answer, and `error` says why. `answer`: how it began."""

    at: datetime
    duration_ms: int
    status: int | None
    answer: str
    error: str | None


@document
class Delivery(Document):
    """`messageId` is the `webhook-id` of the message: the same when it is delivered again."""

    id: str
    message_id: str
    type: str
    state: str
    body: str
    tries: tuple[Try, ...]
    next_try_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    links: Mapping[str, str]
