"""What has happened: rows of the ledgers of all environments and the jobs, in one order, a page at a time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.domain.ids import uuid7
from app.domain.job import Job, JobId

LEDGER, JOB = "ledger", "job"
FAR = datetime(9999, 12, 31, tzinfo=UTC)
MOST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """A row of `migration_events`: what was done with a migration. `failure`: why it failed, in one line."""

    id: int
    at: datetime
    name: str
    version: str
    event: str
    job_id: UUID
    actor: str
    duration_ms: int | None = None
    note: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in the order. At one moment ledgers come after jobs, and each by its environment."""

    at: datetime
    source: str
    environment: str
    id: str

    @property
    def key(self) -> tuple[datetime, str, str, str]:
        return self.at, self.source, self.environment, self.id.rjust(20, "0")


END = Place(FAR, LEDGER, "\U0010ffff", str(MOST_ID))
"""Behind everything that has happened."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One of the two is there."""

    place: Place
    ledger: LedgerEvent | None = None
    job: Job | None = None


def of_ledger(environment: str, event: LedgerEvent) -> Happening:
    return Happening(Place(event.at, LEDGER, environment, str(event.id)), ledger=event)


def of_job(job: Job) -> Happening:
    """By the moment that its id holds, which is when it was asked for: so that a page is found by ids alone."""
    born = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=job.id.int >> 80)
    return Happening(Place(born, JOB, job.request.environment, str(job.id)), job=job)


def ledger_before(environment: str, before: Place) -> tuple[datetime, int]:
    """The rows of its ledger that come earlier: those before this moment, and at it those with a smaller id."""
    if (LEDGER, environment) == (before.source, before.environment):
        return before.at, int(before.id)
    comes_earlier = (LEDGER, environment) < (before.source, before.environment)
    return before.at, MOST_ID if comes_earlier else 0


def jobs_before(before: Place) -> JobId:
    """The jobs that come earlier have smaller ids."""
    if before.source == JOB:
        return JobId(UUID(before.id))
    return JobId(uuid7(int(before.at.timestamp() * 1000) + 1, 0))


def newest(found: list[Happening], limit: int) -> tuple[Happening, ...]:
    return tuple(sorted(found, key=lambda one: one.place.key, reverse=True)[:limit])
