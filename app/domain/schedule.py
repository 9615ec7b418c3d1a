"""What runs by itself: a kind of job, how often, and when next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.environment import Environment
from app.domain.job import CONTROL, JobId, JobKind


@dataclass(frozen=True, slots=True)
class Schedule:
    """`next_due` is what a tick compares with the database's time; a paused one is left alone.

    `environment`: the one it concerns, CONTROL where it is none or all.
    """

    name: str
    kind: JobKind
    every: timedelta
    next_due: datetime
    paused: bool = False
    last_job: JobId | None = None
    environment: str = CONTROL


@dataclass(frozen=True, slots=True)
class Wanted:
    """A schedule as the configuration has it; when it is due is for the database to say."""

    name: str
    kind: JobKind
    every: timedelta
    environment: str


def following(environments: Sequence[Environment]) -> tuple[Wanted, ...]:
    """Of each environment that follows another by itself."""
    return tuple(
        Wanted(name_of_following(one.name), JobKind.FOLLOW, one.sync.every, one.name)
        for one in environments
        if one.sync is not None and one.sync.every is not None
    )


def name_of_following(environment: str) -> str:
    return f"sync-{environment}"


def due_after(due: datetime, every: timedelta, now: datetime) -> datetime:
    """The first moment of the schedule after `now`: what was missed meanwhile is made up for once."""
    return due + every * ((now - due) // every + 1)
