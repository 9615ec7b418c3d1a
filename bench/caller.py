"""One HTTP connection kept alive, as thin as the standard library has it: the client must not be the cost."""

import json
from http.client import HTTPConnection
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

WAIT_S = 60
ENDED = frozenset({"succeeded", "failed", "cancelled", "needs_attention"})


class Caller:
    def __init__(self, base_url: str, token: str | None = None) -> None:
        self._known = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._connection = HTTPConnection(urlsplit(base_url).netloc, timeout=WAIT_S + 30)

    def __enter__(self) -> "Caller":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def status_of(self, path: str) -> int:
        return self._ask("GET", path)[0]

    def get(self, path: str) -> Any:
        return self._answered("GET", path)

    def read(self, path: str) -> bytes:
        """The body as it came: what reading it as JSON costs is the client's own."""
        return self._ask("GET", path)[1]

    def submit(self, path: str = "/migrations/run", **body: object) -> Any:
        """The job as it was accepted."""
        return self._answered("POST", path, body=body)

    def perform(self, path: str = "/migrations/run", **body: object) -> Any:
        """Submit and wait for the end. Raises RuntimeError unless the job has succeeded."""
        job = self._answered("POST", path, {"Prefer": f"wait={WAIT_S}"}, body)
        return self.ended(job)

    def ended(self, job: Any) -> Any:
        while job["state"] not in ENDED:
            job = self._answered("GET", f"/jobs/{job['id']}?wait={WAIT_S}")
        if job["state"] != "succeeded":
            raise RuntimeError(f"the job ended {job['state']}: {job['message']}")
        return job

    def _answered(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: dict[str, object] | None = None
    ) -> Any:
        status, raw = self._ask(method, path, headers, body)
        if status >= 300:
            raise RuntimeError(f"{method} {path} was answered {status}: {raw.decode(errors='replace')[:500]}")
        return json.loads(raw)

    def _ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: dict[str, object] | None = None,
    ) -> tuple[int, bytes]:
        encoded = json.dumps(body) if body else None
        typed = {"Content-Type": "application/json"} if encoded else {}
        self._connection.request(method, path, encoded, {**(headers or {}), **typed, **self._known})
        response = self._connection.getresponse()
        return response.status, response.read()
