"""What a job shows while it goes: steps are collected here and written behind the work, in batches.

A run of hundreds of short steps must not wait for the control database after each of them.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from app import measures, tracing
from app.domain.events import MOST_LINES, shown_line
from app.domain.failure import Failure
from app.domain.job import Attempt, StepRecord, StepState
from app.domain.migration import PythonScript
from app.domain.step import Step
from app.ports import Clock, JobClaims

BATCH_S = 0.1
MORE = "it says more; that is not kept"

log = structlog.get_logger()


class Progress:
    def __init__(self, attempt: Attempt, claims: JobClaims, clock: Clock) -> None:
        self._attempt = attempt
        self._claims = claims
        self._clock = clock
        self._records: dict[int, StepRecord] = {}
        self._planned: dict[int, str | None] = {}
        self._changed: set[int] = set()
        self._heard: list[tuple[StepRecord, str]] = []
        self._counts: Counter[int] = Counter()
        self._message = ""
        self._said = ""
        self._writer: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._flushing = asyncio.Lock()

    async def __aenter__(self) -> "Progress":
        self._writer = asyncio.create_task(self._write_behind())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        if self._writer is not None:
            await self._writer
        await self.flush()

    def planned(self, steps: Sequence[Step]) -> None:
        self.appended(0, steps)

    def appended(self, first: int, steps: Sequence[Step]) -> None:
        """Steps numbered from `first`; they take the place of those that were planned there."""
        for ordinal, step in enumerate(steps, first):
            record = StepRecord(
                ordinal, step.name, step.version, step.direction.value, StepState.PENDING, notice=step.notice
            )
            self._planned[ordinal] = step.notice
            self._put(record)

    def say(self, message: str) -> None:
        self._message = message

    def running(self, ordinal: int, message: str) -> None:
        self._message = message
        self._put(replace(self._records[ordinal], state=StepState.RUNNING, started_at=self._clock.now()))

    async def entered(self, *steps: Step) -> None:
        """A file that never awaits, or ends its process, would leave nobody to say which it was."""
        if any(isinstance(step.body, PythonScript) for step in steps):
            await self.flush()

    def noted(self, ordinal: int, text: str) -> None:
        """Beside what its plan says of it; the last word counts, for a step may be tried again."""
        planned = self._planned.get(ordinal)
        said = text if planned is None else f"{planned}; {text}"
        self._put(replace(self._records[ordinal], notice=said))

    def heard(self, ordinal: int, line: str) -> None:
        """A line that the step has said, as long as there are not too many of them."""
        self._counts[ordinal] += 1
        if self._counts[ordinal] <= MOST_LINES:
            self._heard.append((self._records[ordinal], shown_line(line)))
        elif self._counts[ordinal] == MOST_LINES + 1:
            self._heard.append((self._records[ordinal], MORE))

    def done(self, ordinal: int, duration_ms: int) -> None:
        """`duration_ms` is that of the step's transaction; steps that commit together share it."""
        done = replace(self._records[ordinal], state=StepState.APPLIED, duration_ms=duration_ms)
        done = replace(done, finished_at=self._clock.now(), error=None)
        self._put(done)
        _trace(done)
        log.info("step.done", migration=done.name, direction=done.direction, duration_ms=duration_ms)
        measures.step_done(self._attempt.request.environment, done.direction, duration_ms / 1000)

    def done_before(self, ordinal: int) -> None:
        """By an earlier attempt, or without our knowing."""
        if self._records[ordinal].state is not StepState.APPLIED:
            self._put(replace(self._records[ordinal], state=StepState.APPLIED))

    def failed(self, ordinal: int, failure: Failure) -> None:
        failed = replace(self._records[ordinal], state=StepState.FAILED, error=failure, finished_at=self._clock.now())
        log.warning("step.failed", migration=failed.name, direction=failed.direction, code=failure.code.value)
        self._put(failed)
        _trace(failed)

    def cancelled(self, ordinal: int) -> None:
        """It was under way, and its transaction has been rolled back."""
        self._put(replace(self._records[ordinal], state=StepState.CANCELLED, finished_at=self._clock.now()))

    def skipped(self, ordinal: int, notice: str) -> None:
        self._put(replace(self._records[ordinal], state=StepState.SKIPPED, notice=notice, started_at=None))

    def judged(self, ordinal: int, state: StepState, notice: str, error: Failure | None = None) -> None:
        """A step that was only tried elsewhere, with what is to be said of it."""
        known = self._records[ordinal]
        self._put(replace(known, state=state, notice=notice, error=error, finished_at=self._clock.now()))

    async def flush(self) -> None:
        """Write what has changed. What cannot be written now is written next time: it is not the record.

        What a step has said stands behind its begin, and before its end.
        """
        async with self._flushing:
            await self._flush_heard(lambda step: self._records[step.ordinal].state is not StepState.RUNNING)
            if self._changed or self._message != self._said:
                await self._flush_steps()
            await self._flush_heard(lambda _: True)

    async def _flush_steps(self) -> None:
        ordinals, message = sorted(self._changed), self._message
        records = [self._records[ordinal] for ordinal in ordinals]
        self._changed.clear()
        try:
            await self._claims.record_steps(self._attempt, records, message)
            self._said = message
        except Exception as error:
            self._changed.update(ordinals)
            log.warning("progress.not_written", job=str(self._attempt.job_id), error=str(error))

    async def _flush_heard(self, due: Callable[[StepRecord], bool]) -> None:
        heard = self._heard[:]
        lines = [one for one in heard if due(one[0])]
        # in place, for threads may print meanwhile
        self._heard[: len(heard)] = [one for one in heard if not due(one[0])]
        if not lines:
            return
        try:
            await self._claims.record_heard(self._attempt, lines)
        except Exception as error:
            self._heard[:0] = lines
            log.warning("progress.not_written", job=str(self._attempt.job_id), error=str(error))

    def _put(self, record: StepRecord) -> None:
        self._records[record.ordinal] = record
        self._changed.add(record.ordinal)

    async def _write_behind(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), BATCH_S)
            await self.flush()


def _trace(record: StepRecord) -> None:
    about: tracing.Attributes = {
        "liftlock.migration": record.name,
        "liftlock.version": record.version,
        "liftlock.step": record.ordinal,
    }
    error = "" if record.error is None else record.error.code.value
    tracing.spanned(f"step {record.direction}", record.started_at, record.finished_at, about, error)
