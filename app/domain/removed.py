"""Environments that stood in liftlock.toml, stand there no more, and have left a history: what is known of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from app.domain.convoying import UNDER_WAY
from app.domain.environment import PART, Dsn, Environment, Protection, whole_of
from app.domain.errors import Refusal
from app.domain.job import NOT_HERE, Job, JobState
from app.domain.step import count_of

MOST_COUNTED = 1000
"""Jobs are counted no further: it is done every few seconds."""


class EnvironmentRemoved(Refusal):
    """`facts`: `environment`, `jobs` and `openJobs`."""

    slug = "environment-removed"
    title = "The environment is no longer in liftlock.toml"


@dataclass(frozen=True, slots=True)
class InFile:
    """What is kept of an environment, or of one of its targets, that stands in the file. `address`: no password."""

    name: str
    address: str
    protection: Protection

    @classmethod
    def of(cls, environment: Environment) -> "InFile":
        return cls(environment.name, str(environment.dsn), environment.protection)


@dataclass(frozen=True, slots=True)
class Removed:
    """`last_seen_at`: when a process last started with it. `jobs`, `open_jobs`: on record, and of these not ended.

    `namesake`: the environment that has its database now, as after a renaming.
    """

    stood: InFile
    first_seen_at: datetime
    last_seen_at: datetime
    jobs: int
    open_jobs: int
    namesake: str | None = None

    @property
    def name(self) -> str:
        return self.stood.name

    @property
    def environment(self) -> Environment:
        """With what is on record of it; for the rest as any other."""
        return Environment(self.name, Dsn(self.stood.address), self.stood.protection)

    def has_stood_at(self, environment: Environment) -> bool:
        """Of one with several targets nobody can tell: the addresses of all of them are not known here."""
        return not environment.targets and _place(environment.dsn.secret) == _place(self.stood.address)

    @property
    def gone(self) -> str:
        """As a sentence goes on with it."""
        if PART not in self.name:
            return "is no longer in liftlock.toml"
        return f"is no longer among the targets of {whole_of(self.name)} in liftlock.toml"

    @property
    def on_record(self) -> str:
        if self.jobs == 0:
            return "no job on record, but conflicts or drift"
        many = "more than " * (self.jobs > MOST_COUNTED)
        jobs = f"{many}{count_of(min(self.jobs, MOST_COUNTED), 'job')} on record"
        if self.open_jobs == 0:
            return f"{jobs}, and none that has not ended"
        return f"{jobs}, of which {self.open_jobs} {'has' if self.open_jobs == 1 else 'have'} not ended"

    @property
    def said(self) -> str:
        renamed = f"; {self.namesake} has its database now" if self.namesake else ""
        return (
            f"{self.name} {self.gone}, and has {self.on_record}{renamed}; put it back there and start Liftlock again, "
            f"or remove it for good"
        )

    @property
    def remedies(self) -> tuple[str, ...]:
        claim = f'POST /environments/{self.namesake}/claim {{"confirm": "{self.name}"}}'
        renamed = (claim,) if self.namesake else ()
        return (*renamed, f"DELETE /environments/{self.name}?confirm={self.name}")

    def refusal(self) -> EnvironmentRemoved:
        return EnvironmentRemoved(self.said, next_steps=self.remedies, facts=self.facts)

    @property
    def facts(self) -> dict[str, object]:
        return {
            "environment": self.name,
            "jobs": min(self.jobs, MOST_COUNTED),
            "openJobs": self.open_jobs,
            "lastSeenAt": self.last_seen_at,
        }


def beside(removed: Removed, environments: Iterable[Environment]) -> Removed:
    """With the one of these that has its database, whatever role it uses there."""
    place = _place(removed.stood.address)
    every = (one for whole in environments for one in whole.each() if not one.scope)
    same = (one.name for one in every if _place(one.dsn.secret) == place)
    return replace(removed, namesake=next(same, None))


def waiting_for(job: Job, removed: Removed) -> Job:
    """An open job of it that is not at work, with what it waits for now."""
    said = f"its environment {removed.gone}; it waits until that is put back"
    if job.state is JobState.WAITING:
        return replace(job, message=f"{job.message}; {said}")
    if job.state is JobState.QUEUED and job.reason != UNDER_WAY:
        return replace(job, reason=NOT_HERE, message=said)
    return job


def _place(address: str) -> tuple[str, str]:
    """Several hosts with ports of their own are compared as they are written."""
    parts = urlsplit(address)
    return parts.netloc.rpartition("@")[2].lower().removesuffix(":5432"), parts.path
