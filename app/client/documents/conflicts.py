"""The conflict log."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.client.reading import Document, document


@document
class Remedy(Document):
    """A way out; `command` is null where nobody can or need ask for it."""

    resolution: str
    description: str
    command: str | None


@document
class Conflict(Document):
    """Two runs, two files, or a file and a database that disagree; equal causes are one record with a count."""

    id: str
    kind: str
    environment: str | None
    state: str
    message: str
    job_id: str | None
    other_job_id: str | None
    migrations: tuple[str, ...]
    evidence: Mapping[str, Any]
    answer: str
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    resolution: str | None
    waited_ms: int | None
    resolved_by: str | None
    note: str | None
    resolved_by_job_id: str | None
    ignored_until: datetime | None
    remedies: tuple[Remedy, ...]
    links: Mapping[str, str]
