"""Rows that steps would have destroyed."""

from collections.abc import Mapping
from datetime import datetime

from app.client.documents.jobs import Action
from app.client.reading import Document, document


@document
class Preserved(Document):
    """One set of rows that a step would have destroyed. `needed`: the step that undoes it may still give it back."""

    id: str
    migration: str
    direction: str
    job_id: str
    kind: str
    table: str
    columns: tuple[str, ...]
    rows: int
    bytes: int
    checksum: str
    kept_at: datetime
    kept_until: datetime | None
    state: str
    needed: bool
    settled_at: datetime | None
    settled_by_job_id: str | None
    restored_rows: int | None
    remarks: tuple[str, ...]
    actions: tuple[Action, ...]
    links: Mapping[str, str]
