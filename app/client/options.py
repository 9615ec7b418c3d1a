"""What changes take, all of it optional; `docs/client.md` and `/docs` of the service say what each means."""

from collections.abc import Sequence
from typing import TypedDict


class Queued(TypedDict, total=False):
    """`on_busy`: queue, fail or join. `prefer_wait_s`: how long the service may wait for the job before it answers."""

    on_busy: str | None
    lock_timeout_ms: int | None
    note: str | None
    prefer_wait_s: int | None


class Change(Queued, total=False):
    confirm: str | None
    allow_hazards: Sequence[str]


class RollbackOptions(Change, total=False):
    plan_id: str | None
    to: str | None


class RunOptions(RollbackOptions, total=False):
    atomic: str | None
    on_drift: str | None
    on_failure: str | None
    outside_window: str | None


class SyncOptions(Queued, total=False):
    allow_hazards: Sequence[str]
    to: str | None
    on_drift: str | None
    on_failure: str | None
    outside_window: str | None
