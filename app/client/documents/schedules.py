"""What runs by itself."""

from collections.abc import Mapping
from datetime import datetime

from app.client.reading import Document, document


@document
class Schedule(Document):
    """What runs by itself. A paused one is left alone until it is resumed."""

    name: str
    kind: str
    environment: str | None
    every_ms: int
    next_due_at: datetime
    paused: bool
    last_job_id: str | None
    links: Mapping[str, str]
