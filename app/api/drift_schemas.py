"""What drift looks like: as `schemas`, which holds what it is made of."""

from pydantic import Field

from app.api.schemas import Links
from app.api.shapes import Answer, Id, Moment
from app.domain.drift import DriftState
from app.domain.schema_folding import How


class ObjectDifference(Answer):
    """One object; `expected` and `found` are SQL where it has a definition, else its properties, one a line."""

    kind: str
    object: str
    change: How
    text: str
    expected: str | None
    found: str | None


class Drift(Answer):
    """The last look at a schema. `differences` holds the first 50 of `differencesTotal`.

    Of an environment with several `targets`: the worst of them, and each.
    """

    environment: str
    state: DriftState
    message: str
    checked_at: Moment | None
    first_seen_at: Moment | None
    expected_fingerprint: str | None
    found_fingerprint: str | None
    recorded_at: Moment | None
    recorded_by_job_id: Id | None
    differences: list[ObjectDifference]
    differences_total: int
    conflict_id: Id | None
    links: Links
    targets: list["Drift"] = Field(default=[])
