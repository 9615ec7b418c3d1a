"""What a service refuses, as exceptions: each says what is true, why, and what to do next.

LiftlockProblem
├── ApiProblem              the service answered with a problem; `slug` says which
│   ├── NotAllowed          no token, a wrong one, or one that lacks the scope; also a service that is read-only
│   ├── NotFound            no such migration, job, environment …; or a service that does not know this address
│   ├── Invalid             the request itself is wrong; `problems` has every reason
│   ├── Busy                another job has the target, or too many requests wait
│   ├── Disagreement        an open conflict stops it
│   ├── Refused             protection, a hazard, a window, a plan that is out of date …
│   └── ServiceFailed       the service failed, or a server that it needs is away
├── Unreachable             nobody answers at this address
└── StillGoing              the time to wait for a job is over; the job goes on
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.client.documents.jobs import Job


class LiftlockProblem(Exception):
    """The root. Its text is one sentence."""

    next_steps: tuple[str, ...] = ()


class Unreachable(LiftlockProblem):
    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"no Liftlock answers at {url}")
        self.url = url
        self.why = why


class StillGoing(LiftlockProblem):
    """`job` as it was last seen."""

    def __init__(self, job: "Job", waited_s: float) -> None:
        super().__init__(f"the job has not ended within {waited_s:g} s; it goes on")
        self.job = job
        self.waited_s = waited_s


class ApiProblem(LiftlockProblem):
    """`slug`: the last part of `type`, stable; `raw`: the whole document; `retry_after_s`: when to ask again."""

    def __init__(self, status: int, document: Mapping[str, Any], retry_after_s: float | None = None) -> None:
        self.status = status
        self.raw = document
        self.slug = str(document.get("type", "")).rpartition("/")[2] or "unknown"
        self.title = str(document.get("title", f"HTTP {status}"))
        self.detail = str(document.get("detail", self.title))
        self.request_id = str(document.get("requestId", ""))
        self.next_steps = tuple(map(str, document.get("nextSteps", ())))
        self.problems: tuple[Mapping[str, Any], ...] = tuple(document.get("problems", ()))
        self.retry_after_s = retry_after_s
        super().__init__(self.detail)


class NotAllowed(ApiProblem):
    pass


class NotFound(ApiProblem):
    pass


class Invalid(ApiProblem):
    pass


class Busy(ApiProblem):
    pass


class Disagreement(ApiProblem):
    pass


class Refused(ApiProblem):
    pass


class ServiceFailed(ApiProblem):
    pass


BY_SLUG: Mapping[str, type[ApiProblem]] = {
    "unauthenticated": NotAllowed,
    "forbidden": NotAllowed,
    "read-only": NotAllowed,
    "validation-failed": Invalid,
    "bad-request": Invalid,
    "malformed-json": Invalid,
    "unsupported-media-type": Invalid,
    "content-too-large": Invalid,
    "method-not-allowed": Invalid,
    "migrations-invalid": Invalid,
    "not-found": NotFound,
    "target-busy": Busy,
    "too-many-requests": Busy,
    "idempotency-in-progress": Busy,
    "conflicts-open": Disagreement,
    "still-disagrees": Disagreement,
}


def problem_of(status: int, document: Mapping[str, Any], retry_after_s: float | None = None) -> ApiProblem:
    """Of a kind that is not known here: by its status."""
    slug = str(document.get("type", "")).rpartition("/")[2]
    kind = BY_SLUG.get(slug) or _by_status(status)
    return kind(status, document, retry_after_s)


def _by_status(status: int) -> type[ApiProblem]:
    if status >= 500:
        return ServiceFailed
    return {401: NotAllowed, 404: NotFound, 405: Invalid, 429: Busy}.get(status, Refused)
