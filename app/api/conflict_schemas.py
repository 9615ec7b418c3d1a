"""What conflicts and schedules look like: as `schemas`, which holds what they are made of."""

from typing import Any

from pydantic import RootModel

from app.api.schemas import Change, Links
from app.api.shapes import Answer, Id, Moment
from app.domain.conflict import ConflictKind, ConflictState
from app.domain.job import JobKind


class Remedy(Answer):
    """A way out; `command` is null where nobody can or need ask for it."""

    resolution: str
    description: str
    command: str | None


class Conflict(Answer):
    """Two runs, two files, or a file and a database that disagree; equal causes are one record with a count."""

    id: Id
    kind: ConflictKind
    environment: str | None
    state: ConflictState
    message: str
    job_id: Id | None
    other_job_id: Id | None
    migrations: list[str]
    evidence: dict[str, Any]
    answer: str
    count: int
    first_seen_at: Moment
    last_seen_at: Moment
    resolved_at: Moment | None
    resolution: str | None
    waited_ms: int | None
    resolved_by: str | None
    note: str | None
    resolved_by_job_id: Id | None
    ignored_until: Moment | None
    remedies: list[Remedy]
    links: Links


class Resolved(RootModel[Conflict | Change]):
    """The closed record; or, where a job was asked to wait for, that job at its end."""


class Conflicts(RootModel[list[Conflict]]):
    """Newest first."""


class Schedule(Answer):
    """What runs by itself. A paused one is left alone until it is resumed."""

    name: str
    kind: JobKind
    environment: str | None
    every_ms: int
    next_due_at: Moment
    paused: bool
    last_job_id: Id | None
    links: Links


class Schedules(RootModel[list[Schedule]]):
    """By name."""
