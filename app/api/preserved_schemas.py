"""What preserved data looks like: as `schemas`, which holds what it is made of."""

from pydantic import RootModel

from app.api.schemas import Action, Links
from app.api.shapes import Answer, Id, Moment
from app.domain.migration import Direction
from app.domain.preserved import PreservedKind, PreservedState


class Preserved(Answer):
    """One set of rows that a step would have destroyed. `needed`: the step that undoes it may still give it back."""

    id: Id
    migration: str
    direction: Direction
    job_id: Id
    kind: PreservedKind
    table: str
    columns: list[str]
    rows: int
    bytes: int
    checksum: str
    kept_at: Moment
    kept_until: Moment | None
    state: PreservedState
    needed: bool
    settled_at: Moment | None
    settled_by_job_id: Id | None
    restored_rows: int | None
    remarks: list[str]
    actions: list[Action]
    links: Links


class PreservedSets(RootModel[list[Preserved]]):
    """Newest first."""
