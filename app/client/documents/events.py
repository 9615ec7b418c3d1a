"""What has happened: to a job, and in environments."""

from collections.abc import Mapping
from datetime import datetime

from app.client.documents.jobs import Failure, LockSample, Step
from app.client.reading import Document, document


@document
class Event(Document):
    """What has happened to a job. `said` is one line of it for people; the rest is there where its type has it."""

    id: str
    at: datetime
    topic: str
    type: str
    said: str
    job_id: str | None
    environment: str | None
    subject: str | None
    kind: str | None
    state: str | None
    reason: str | None
    message: str | None
    attempt: int | None
    by: str | None
    step: Step | None
    lock: LockSample | None
    error: Failure | None
    links: Mapping[str, str]


@document
class HistoryEntry(Document):
    """`source` ledger: something was done with `migration`; job: something was asked for."""

    source: str
    id: str
    at: datetime
    environment: str | None
    event: str
    migration: str | None
    version: str | None
    job_id: str
    by: str
    state: str | None
    reason: str | None
    message: str | None
    duration_ms: int | None
    links: Mapping[str, str]
