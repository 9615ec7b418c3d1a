"""Jobs: what was asked, how far it is, how it ended."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.client.reading import Document, document, named


@document
class Principal(Document):
    id: str
    kind: str
    address: str | None
    name: str | None


@document
class Action(Document):
    """What may be done now; `reason` says why not where `allowed` is false. `body` goes with the request."""

    name: str
    label: str
    method: str
    href: str
    body: Mapping[str, Any] | None
    allowed: bool
    reason: str | None


@document
class Failure(Document):
    """What failed and where, what was left behind, whether it is safe to try again, what to type next."""

    code: str
    message: str
    migration: str | None
    direction: str | None
    sqlstate: str | None
    detail: str | None
    hint: str | None
    file: str | None
    line: int | None
    column: int | None
    statement: str | None
    caret: str | None
    context: str | None
    left_behind: str
    safe_to_retry: bool
    next_steps: tuple[str, ...]


@document
class Step(Document):
    ordinal: int
    name: str
    version: str
    direction: str
    state: str
    started_at: datetime | None
    finished_at: datetime | None
    duration_ms: int | None
    notice: str | None
    error: Failure | None


@document
class Request(Document):
    """What was asked of the job."""

    to: str | None
    count: int | None
    atomic: str
    on_failure: str | None
    on_busy: str
    confirm: str | None
    lock_timeout_ms: int | None
    plan_id: str | None
    allow_hazards: tuple[str, ...]
    names: tuple[str, ...]
    mark_as: str | None = named("as")
    conflict_id: str | None
    resolution: str | None
    migration: str | None
    schedule: str | None
    preserved_id: str | None
    table: str | None
    preserve: bool | None
    source: str | None = named("from")
    outside_window: str


@document
class JobChild(Document):
    """What a job does in one of several targets; `id` is null until its turn has come."""

    environment: str
    id: str | None
    state: str
    reason: str | None
    message: str | None
    links: Mapping[str, str]


@document
class Job(Document):
    """A job. In a list it comes without its steps; `warnings` come with the answer to a change.

    `children`: the jobs of its targets, where its environment has several; each has this one as its `parent`.
    """

    id: str
    kind: str
    environment: str | None
    state: str
    reason: str
    message: str
    attempt: int
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_ms: int | None
    request: Request
    principal: Principal
    request_id: str | None
    retry_of: str | None
    paused_by: str | None
    not_before: datetime | None
    approvals_needed: int
    note: str | None
    notices: tuple[str, ...]
    error: Failure | None
    links: Mapping[str, str]
    actions: tuple[Action, ...]
    steps: tuple[Step, ...] = ()
    warnings: tuple[str, ...] = ()
    parent: str | None = None
    children: tuple[JobChild, ...] = ()


@document
class LockSession(Document):
    """A session of the target. `pid` 0 is a prepared transaction; `since`: when `state` began."""

    pid: int
    user: str | None
    application: str | None
    state: str | None
    query: str | None
    since: datetime | None
    transaction_since: datetime | None


@document
class LockSample(Document):
    """One look: our session waits for `mode` on `relation`; `blockers` hold it, `blocked` wait for us."""

    at: datetime
    pid: int
    step: int | None
    mode: str | None
    relation: str | None
    blockers: tuple[LockSession, ...]
    blocked: tuple[LockSession, ...]


@document
class Vote(Document):
    """Somebody's word on a job that waits for approval."""

    principal: Principal
    at: datetime
    approved: bool
    note: str | None
