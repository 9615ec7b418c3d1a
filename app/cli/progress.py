"""What there is to say of a job that is watched: values in, lines out."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from app.cli.out import Out, cut, shown, sign
from app.cli.steps import as_typed, in_words
from app.cli.times import lasting

if TYPE_CHECKING:
    from app.client.documents.jobs import Failure, Job, Step

ENDED_STEPS = frozenset({"applied", "skipped", "failed", "cancelled"})
ENDED_CHILDREN = frozenset({"succeeded", "failed", "cancelled", "needs_attention"})
BAR = 24


def news(out: Out, before: "Job | None", after: "Job") -> Iterator[str]:
    """A line for each step that has ended since, and one where the job itself has moved on and goes on."""
    yield from ended_steps(out, before, after)
    line = _state_line(out, after)
    if after.finished_at is None and (before is None or line != _state_line(out, before)):
        yield line


def ended_steps(out: Out, before: "Job | None", after: "Job") -> Iterator[str]:
    """And jobs of targets, where there are several."""
    known = {} if before is None else {step.ordinal: step.state for step in before.steps}
    for step in after.steps:
        if step.state in ENDED_STEPS and known.get(step.ordinal) != step.state:
            yield step_line(out, step)
    before_children = {} if before is None else {child.environment: child.state for child in before.children}
    for child in after.children:
        if child.state in ENDED_CHILDREN and before_children.get(child.environment) != child.state:
            yield f"{shown(out, child.state)}  {child.environment}: {in_words(child.message or child.reason or '')}"


def _state_line(out: Out, job: "Job") -> str:
    return f"{shown(out, job.state)}  {_said(job)}"


def step_line(out: Out, step: "Step") -> str:
    """`✓ + 0003 create_orders  12 ms  kept 3 rows`"""
    arrow = "+" if step.direction == "up" else "-"
    took = f"  {lasting(step.duration_ms)}" if step.duration_ms is not None else ""
    notice = f"  {step.notice}" if step.notice else ""
    colour = {"applied": "green", "failed": "red"}.get(step.state)
    return f"{out.paint(sign(step.state), colour)} {arrow} {step.version} {step.name}{took}{notice}"


def heartbeat(job: "Job", now: datetime) -> str:
    """For those who see lines only: it is still at it."""
    done, total = _done(job)
    steps = f", {done} of {total} {'targets' if job.children else 'steps'} done" if total else ""
    return f"… still {job.state.replace('_', ' ')} after {lasting(_elapsed_ms(job, now))}{steps}: {_said(job)}"


def live(job: "Job", now: datetime, width: int) -> tuple[str, str]:
    """The two lines at the bottom: how far it is, and what it is at, or whom it waits for."""
    done, total = _done(job)
    filled = BAR * done // total if total else 0
    bar = f"{'▮' * filled}{'▯' * (BAR - filled)} {done} of {total}" if total else job.state.replace("_", " ")
    running = next((step for step in job.steps if step.state == "running"), None)
    at = f"  {running.version} {running.name}" if running is not None else ""
    return cut(f"{bar}{at}  {lasting(_elapsed_ms(job, now))}", width), cut(f"  {_said(job)}", width)


def ending(out: Out, job: "Job") -> Iterator[str]:
    """How it ended; of a failure what failed, what was left behind, whether to retry, what to type."""
    took = f"  {lasting(job.duration_ms)}" if job.duration_ms is not None else ""
    where = f" in {job.environment}" if job.environment else ""
    said = job.message or job.reason.replace("_", " ")
    yield f"{shown(out, job.state)}  {job.kind}{where}: {said}{took}"
    yield from (f"  {notice}" for notice in job.notices)
    if job.error is not None:
        yield from _failure(out, job.error, already=said)


def _failure(out: Out, failure: "Failure", already: str) -> Iterator[str]:
    if failure.message not in already:
        yield f"  {failure.message}{f' ({failure.sqlstate})' if failure.sqlstate else ''}"
    place = ":".join(str(part) for part in (failure.file, failure.line, failure.column) if part is not None)
    if place and place not in f"{already} {failure.message}":
        yield f"  at {place}"
    for line in (failure.caret or failure.statement or "").splitlines()[:6]:
        yield f"    {out.paint(line, dim=True)}"
    for name, text in (("detail", failure.detail), ("hint", failure.hint)):
        if text:
            yield f"  {name}: {text}"
    yield f"  left behind: {in_words(failure.left_behind)}"
    yield f"  safe to retry: {'yes' if failure.safe_to_retry else 'no'}"
    yield from (f"  {out.paint(as_typed(step), 'cyan')}" for step in failure.next_steps[:3])


def _said(job: "Job") -> str:
    return in_words(job.message) or job.reason.replace("_", " ")


def _done(job: "Job") -> tuple[int, int]:
    """How many of its steps, or of its targets where it has several."""
    if job.children:
        return sum(child.state in ENDED_CHILDREN for child in job.children), len(job.children)
    return sum(step.state in ENDED_STEPS for step in job.steps), len(job.steps)


def _elapsed_ms(job: "Job", now: datetime) -> float:
    return max(0.0, (now - (job.started_at or job.created_at)).total_seconds() * 1000)
