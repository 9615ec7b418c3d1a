"""Whether a schema is as the last job left it."""

from collections.abc import Mapping
from datetime import datetime

from app.client.reading import Document, document


@document
class ObjectDifference(Document):
    """One object; `expected` and `found` are SQL where it has a definition, else its properties, one a line."""

    kind: str
    object: str
    change: str
    text: str
    expected: str | None
    found: str | None


@document
class Drift(Document):
    """The last look at a schema. `differences` holds the first 50 of `differencesTotal`."""

    environment: str
    state: str
    message: str
    checked_at: datetime | None
    first_seen_at: datetime | None
    expected_fingerprint: str | None
    found_fingerprint: str | None
    recorded_at: datetime | None
    recorded_by_job_id: str | None
    differences: tuple[ObjectDifference, ...]
    differences_total: int
    conflict_id: str | None
    links: Mapping[str, str]
