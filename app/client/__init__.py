"""The typed client of the HTTP API: `from app.client import Liftlock`.

    with Liftlock("http://localhost:3000") as liftlock:
        job = liftlock.wait(liftlock.migrations.run("staging"))

Answers are frozen values (`documents`); what the service refuses is raised (`problems`). Every change carries an
Idempotency-Key, so that a connection that is lost is tried again without doing anything twice.
"""

import os
from collections.abc import Iterator
from types import TracebackType

import httpx

from app.client.documents.jobs import Job
from app.client.problems import (
    ApiProblem,
    Busy,
    Disagreement,
    Invalid,
    LiftlockProblem,
    NotAllowed,
    NotFound,
    Refused,
    ServiceFailed,
    StillGoing,
    Unreachable,
)
from app.client.reading import UnexpectedAnswer
from app.client.resources.access import Access
from app.client.resources.conflicts import Conflicts
from app.client.resources.environments import Environments
from app.client.resources.jobs import ENDED, Jobs
from app.client.resources.migrations import Migrations
from app.client.resources.plans import Plans
from app.client.resources.preserved import Preserved
from app.client.resources.schedules import Schedules
from app.client.resources.service import Service
from app.client.resources.webhooks import Webhooks
from app.client.transport import Transport

__all__ = [
    "ENDED",
    "ApiProblem",
    "Busy",
    "Disagreement",
    "Invalid",
    "Job",
    "Liftlock",
    "LiftlockProblem",
    "NotAllowed",
    "NotFound",
    "Refused",
    "ServiceFailed",
    "StillGoing",
    "UnexpectedAnswer",
    "Unreachable",
]

DEFAULT_URL = "http://127.0.0.1:3000"


class Liftlock:
    """A service at `url`; the token is the argument (`""`: none), else LIFTLOCK_TOKEN. Not for several threads."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        *,
        ca_file: str | None = None,
        http: httpx.BaseTransport | None = None,
    ) -> None:
        """`ca_file`: certificates to trust instead of the public ones. Raises OSError where it cannot be read.
        Raises ValueError for a token or an address that no request can be sent with, and shows neither.

        `http`: another way to send requests, such as httpx.MockTransport in a test.
        """
        known = os.environ.get("LIFTLOCK_TOKEN") if token is None else token
        transport = Transport(url, known, http, ca_file=ca_file)
        self._transport = transport
        self.url = transport.url
        self.migrations = Migrations(transport)
        self.plans = Plans(transport)
        self.jobs = Jobs(transport)
        self.conflicts = Conflicts(transport)
        self.environments = Environments(transport)
        self.preserved = Preserved(transport)
        self.schedules = Schedules(transport)
        self.access = Access(transport)
        self.webhooks = Webhooks(transport)
        self.service = Service(transport)

    def __enter__(self) -> "Liftlock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def wait(self, job: Job | str, timeout_s: float | None = None) -> Job:
        """The job at its end, as long as it takes. Raises StillGoing after `timeout_s`."""
        return self.jobs.wait(job, timeout_s)

    def stream(self, job: Job | str, timeout_s: float | None = None) -> Iterator[Job]:
        """The job now, and each time that it has changed, until it has ended. Raises StillGoing."""
        return self.jobs.stream(job, timeout_s)
