"""What runs by itself: a kind of job, how often, and when next."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.job import JobId, JobKind


@dataclass(frozen=True, slots=True)
class Schedule:
    """`next_due` is what a tick compares with the database's time; a paused one is left alone."""

    name: str
    kind: JobKind
    every: timedelta
    next_due: datetime
    paused: bool = False
    last_job: JobId | None = None


def due_after(due: datetime, every: timedelta, now: datetime) -> datetime:
    """The first moment of the schedule after `now`: what was missed meanwhile is made up for once."""
    return due + every * ((now - due) // every + 1)
