"""Tokens, who asks, and what was asked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.client.documents.jobs import Principal
from app.client.reading import Document, document


@document
class Token(Document):
    """A token without its secret, which nobody can ask for. `lastUsedAt` is kept once a minute."""

    id: str
    name: str
    role: str | None
    scopes: tuple[str, ...]
    state: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    last_used_from: str | None
    revoked_at: datetime | None
    revoked_by: str | None
    links: Mapping[str, str]


@document
class MadeToken(Token):
    """`token` is shown this once; null where the answer is a repeated one."""

    token: str | None


@document
class WhoAmI(Document):
    """Who asks, and what it may do here. `auth` off: nobody is asked, and everybody may do everything."""

    auth: str
    principal: Principal
    role: str | None
    scopes: tuple[str, ...]
    expires_at: datetime | None
    read_only: bool


@document
class AuditRow(Document):
    """What somebody asked for. `refused` is the kind of problem it was answered with; null where it was accepted."""

    id: str
    at: datetime
    principal: Principal
    request_id: str | None
    action: str
    environment: str | None
    subject: str | None
    outcome: str
    refused: str | None
    detail: Mapping[str, Any]
    links: Mapping[str, str]
