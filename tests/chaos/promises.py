"""What was agreed with customers, and what a job shows of its steps, against what was done in its target."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.job import LEFT_OPEN, StepState
from tests.support.servers import fetch, value

Holders = Mapping[tuple[str, int], tuple[UUID, int]]
"""The job and the attempt that took a target's fence, by target and epoch, as far as somebody has seen it."""

_HAS_LEDGER = "SELECT to_regclass('liftlock.steps') IS NOT NULL"
_STEPS = "SELECT job_id, step, epoch, at FROM liftlock.steps WHERE scope = ''"
_CLAIMS = "SELECT job_id, attempt, at FROM liftlock_control.job_events WHERE to_state = 'running'"
_JOBS = "SELECT id, kind, state, seq, target_id, request::text AS request FROM liftlock_control.jobs"
_SHOWN = "SELECT job_id, ordinal, name, state, notice FROM liftlock_control.job_steps"
_NOT_DONE = frozenset({StepState.CANCELLED, StepState.SKIPPED, StepState.FAILED})


@dataclass
class Period:
    """From the answer on, until the request that ends it was sent: what lies between holds for certain."""

    job: UUID
    since: datetime
    until: datetime | None = None


@dataclass
class Agreed:
    """What the API has answered; `retried` the new job, with the one it was asked for again."""

    cancelled: dict[UUID, datetime] = field(default_factory=dict)
    over_at_once: set[UUID] = field(default_factory=set)
    pauses: list[Period] = field(default_factory=list)
    retried: dict[UUID, UUID] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)


def of_agreements(control: str, targets: Mapping[str, str], agreed: Agreed, holders: Holders) -> list[str]:
    """A cancel that was answered with the job's end was its end; a retry is a job of its own that asks for the same;
    an attempt that began after its job was cancelled, or while it was paused, does no step.
    """
    jobs = {row["id"]: row for row in fetch(control, _JOBS)}
    claims = {(row["job_id"], row["attempt"]): row["at"] for row in fetch(control, _CLAIMS)}
    return [
        *(
            f"job {job} was answered to be cancelled and is {jobs[job]['state']}"
            for job in agreed.over_at_once
            if jobs[job]["state"] != "cancelled"
        ),
        *(
            f"job {new}, a retry of {old}, {why}"
            for new, old in agreed.retried.items()
            for why in _no_retry(jobs, new, old)
        ),
        *_went_on(_steps(targets), claims, agreed, holders),
    ]


def of_shown(control: str, targets: Mapping[str, str]) -> list[str]:
    """What a job shows as applied is in the target's `steps`; what it shows as cancelled or not begun is not."""
    done = {(step["job_id"], step["step"]) for _, step in _steps(targets)}
    found = []
    for row in fetch(control, _SHOWN):
        is_done, state = (row["job_id"], row["ordinal"]) in done, StepState(row["state"])
        if state is StepState.APPLIED and not is_done:
            found.append(f"job {row['job_id']} shows {row['name']} as applied, and the target has no such step")
        if state in _NOT_DONE and is_done and row["notice"] != LEFT_OPEN:
            found.append(f"job {row['job_id']} shows {row['name']} as {state}, and the step was done")
    return found


def _steps(targets: Mapping[str, str]) -> list[tuple[str, Any]]:
    with_ledger = ((name, dsn) for name, dsn in targets.items() if value(dsn, _HAS_LEDGER))
    return [(name, row) for name, dsn in with_ledger for row in fetch(dsn, _STEPS)]


def _no_retry(jobs: Mapping[UUID, Any], new: UUID, old: UUID) -> Iterator[str]:
    if new == old:
        yield "is the same job"
    elif new in jobs:
        asked, before = (json.loads(jobs[job]["request"]) for job in (new, old))
        if asked.pop("retry_of") != str(old):
            yield "does not say so"
        before.pop("retry_of")
        if asked != before or jobs[new]["target_id"] != jobs[old]["target_id"]:
            yield f"asks for something else: {asked}, not {before}"


def _went_on(
    steps: Iterable[tuple[str, Any]], claims: Mapping[tuple[UUID, int], Any], agreed: Agreed, holders: Holders
) -> Iterator[str]:
    only = _only_attempts(claims)
    pauses: dict[UUID, list[Period]] = {}
    for period in agreed.pauses:
        pauses.setdefault(period.job, []).append(period)
    for target, step in steps:
        job = step["job_id"]
        attempt = holders.get((target, step["epoch"]), (job, only.get(job)))[1]
        claimed = None if attempt is None else claims.get((job, attempt))
        if claimed is None:
            continue
        said = f"attempt {attempt} of job {job} did step {step['step']}"
        if job in agreed.cancelled and agreed.cancelled[job] < claimed:
            yield f"{said}, though the job was cancelled before the attempt began"
        if any(map(_within(claimed, step["at"]), pauses.get(job, ()))):
            yield f"{said}, though the job was paused since before the attempt began"


def _within(claimed: Any, at: Any) -> Callable[[Period], bool]:
    return lambda period: period.since < claimed and (period.until is None or at < period.until)


def _only_attempts(claims: Iterable[tuple[UUID, int]]) -> dict[UUID, int]:
    """Of jobs that had one attempt: every step of theirs is its."""
    attempts: dict[UUID, list[int]] = {}
    for job, attempt in claims:
        attempts.setdefault(job, []).append(attempt)
    return {job: numbers[0] for job, numbers in attempts.items() if len(numbers) == 1}
