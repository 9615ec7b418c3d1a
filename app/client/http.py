"""The typed HTTP client: what the command line and scripts say to a running Liftlock."""

from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx

LONGEST_WAIT_S = 60
ANSWER_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class JobAnswer:
    """A job as the API shows it; `notices` are those of its steps, `raw` is the whole document."""

    id: str
    state: str
    message: str
    ended: bool
    notices: tuple[str, ...]
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MigrationAnswer:
    """A migration in an environment, as `GET /migrations` lists it."""

    name: str
    version: str
    status: str
    error_message: str | None


class ApiRefused(Exception):
    """The API answered with a problem; its text is the problem's detail."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


ENDED = frozenset({"succeeded", "failed", "cancelled", "needs_attention"})


class Client:
    def __init__(self, base_url: str) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=ANSWER_TIMEOUT_S + LONGEST_WAIT_S, trust_env=False)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def run(self) -> JobAnswer:
        """Submit a run and wait for its end, as long as it takes. Raises ApiRefused, httpx.HTTPError."""
        return self._at_its_end("/migrations/run")

    def rollback(self) -> JobAnswer:
        """Undo the newest migration; as `run`."""
        return self._at_its_end("/migrations/rollback")

    def migrations(self) -> list[MigrationAnswer]:
        """Raises ApiRefused, httpx.HTTPError."""
        listed = _answered(self._http.get("/migrations"))
        return [
            MigrationAnswer(one["name"], one["version"], one["status"], one["errorMessage"]) for one in listed.json()
        ]

    def _at_its_end(self, path: str) -> JobAnswer:
        job = self._job(self._http.post(path, headers={"Prefer": f"wait={LONGEST_WAIT_S}"}))
        while not job.ended:
            job = self._job(self._http.get(f"/jobs/{job.id}", params={"wait": LONGEST_WAIT_S}))
        return job

    def _job(self, response: httpx.Response) -> JobAnswer:
        body = _answered(response).json()
        notices = tuple(step["notice"] for step in body["steps"] if step["notice"])
        return JobAnswer(body["id"], body["state"], body["message"], body["state"] in ENDED, notices, body)


def _answered(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    try:
        detail = str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"{response.status_code} {response.reason_phrase}"
    raise ApiRefused(response.status_code, detail)
