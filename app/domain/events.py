"""What has happened to jobs, conflicts, schedules and environments: events, their topics, and how a log shows them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from app.domain.environment import whole_of
from app.domain.failure import Failure
from app.domain.job import StepRecord
from app.domain.locks import LockSample

JOB_ENDED = "job.ended"
STEP_SAID = "step.said"
JOBS, CONFLICTS, SCHEDULES = "jobs", "conflicts", "schedules"
TYPE_CHARS = 16
"""Of a line of a log; as `migrations/control/0016_events.sql` counts its bytes."""
LONGEST_LINE = 1_000
"""Of what a migration has said, in characters."""
MOST_LINES = 200
"""Of what one step has said."""

_FAMILIES = {"job": JOBS, "step": JOBS, "conflict": CONFLICTS, "schedule": SCHEDULES}
_WHOLE = frozenset({JOBS, CONFLICTS, SCHEDULES})
_ENVIRONMENT = re.compile(r"environment:(.{1,200})", re.DOTALL)
_JOB = re.compile(r"job:([0-9a-fA-F-]{36})")


@dataclass(frozen=True, slots=True)
class Event:
    """A row of the control database: ids are in the order of commits. `said` is one line, for people.

    `subject`: what it is about where that is no job: a conflict's id, a schedule's name. `log_end`: how many bytes
    the log of its job has with it.
    """

    id: int
    at: datetime
    type: str
    said: str
    job_id: UUID | None = None
    environment: str | None = None
    subject: str | None = None
    log_end: int | None = None
    kind: str | None = None
    state: str | None = None
    reason: str | None = None
    message: str | None = None
    attempt: int | None = None
    by: str | None = None
    step: StepRecord | None = None
    lock: LockSample | None = None
    error: Failure | None = None

    @property
    def ends_job(self) -> bool:
        return self.type == JOB_ENDED

    @property
    def topic(self) -> str:
        """The narrowest one."""
        if self.job_id is not None and self.family == JOBS:
            return f"job:{self.job_id}"
        return self.family or f"environment:{self.environment}"

    @property
    def family(self) -> str | None:
        return _FAMILIES.get(self.type.partition(".")[0])

    @property
    def topics(self) -> tuple[str, ...]:
        """Whoever follows one of them hears of it."""
        family = () if self.family is None else (self.family,)
        job = () if self.job_id is None else (f"job:{self.job_id}",)
        return (*family, *job, *self._places)

    @property
    def _places(self) -> tuple[str, ...]:
        """The environment, and the one that it is a target of."""
        if self.environment is None:
            return ()
        return tuple(f"environment:{name}" for name in dict.fromkeys((self.environment, whole_of(self.environment))))


def line(event: Event) -> bytes:
    """Of a log: when, what, and what is to be said of it; as many bytes as its row has counted."""
    at = event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return f"{at} {event.type:<{TYPE_CHARS}} {event.said}\n".encode()


def shown_line(text: str) -> str:
    """What a migration has said, as any terminal can show it: one line without control characters, cut where long."""
    text = text if len(text) <= LONGEST_LINE else f"{text[: LONGEST_LINE - 1]}…"
    return "".join(one if one.isprintable() else " " if one.isspace() else "\ufffd" for one in text).rstrip()


def said_by(step: StepRecord, line: str) -> str:
    return f"{step.name} ({step.version}) {step.direction}: {line}"


def known_topic(text: str) -> str | None:
    """As events name it; None for what is no topic."""
    if text in _WHOLE or _ENVIRONMENT.fullmatch(text):
        return text
    job = _JOB.fullmatch(text)
    if job is None:
        return None
    try:
        return f"job:{UUID(job[1])}"
    except ValueError:
        return None
