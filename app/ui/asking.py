"""What the dashboard asks of the API: in this process, on this thread, through the same door as everybody else.

So a page can do nothing that the API would refuse, and what it does is held to the same scopes, confirmations and
keys, and stands on the same audit trail, without a second set of checks to keep alike.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from flask import g, request
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app.domain.access import CARRIED

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

Json = dict[str, Any]

_PASSED_ON = ("Host", "Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Last-Event-ID", "traceparent")


@dataclass(frozen=True, slots=True)
class Answer:
    """`body`: JSON as Python has it, or text; None where there is none."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """What the API answered instead: its problem, as it gave it."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(problem.get("detail", ""))
        self.status, self.problem = status, problem


class Api:
    """Speaks for whoever sent the request that is being answered."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def get(self, path: str, **query: object) -> Any:
        """The body. `query`: what is None is left out. Raises Refused."""
        return self.read(path, **query).body

    def read(self, path: str, **query: object) -> Answer:
        """With its headers. Raises Refused."""
        return self.send("GET", path + _query(query))

    def find(self, path: str, **query: object) -> Any:
        """As `get`; None where there is nothing at this address."""
        try:
            return self.get(path, **query)
        except Refused as refused:
            if refused.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def send(self, method: str, href: str, body: Json | None = None, key: str | None = None) -> Answer:
        """`href` as the API writes it, with its query. `key`: asked twice, done once. Raises Refused."""
        environ = self._environ(method, href, body, key)
        chunks, status, headers = run_wsgi_app(self._application, environ, buffered=True)
        answer = Answer(
            int(status.split(" ")[0]), _parsed(b"".join(chunks), headers.get("Content-Type", "")), dict(headers)
        )
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise Refused(answer.status, answer.body if isinstance(answer.body, dict) else {})
        return answer

    def stream(self, href: str) -> tuple[Iterable[bytes], int, Mapping[str, str]]:
        """An answer that comes piece by piece, refusals too."""
        environ = self._environ("GET", href, None, None)
        if "gunicorn.socket" in request.environ:
            # so that the API can bound how long it waits for a reader that does not read
            environ["gunicorn.socket"] = request.environ["gunicorn.socket"]
        chunks, status, headers = run_wsgi_app(self._application, environ)
        return chunks, int(status.split(" ")[0]), dict(headers)

    def _environ(self, method: str, href: str, body: Json | None, key: str | None) -> "WSGIEnvironment":
        path, _, query = href.partition("?")
        headers = Headers({name: request.headers[name] for name in _PASSED_ON if name in request.headers})
        headers["X-Request-Id"] = g.request_id
        headers["Accept"] = request.headers.get("Accept", "*/*") if path == "/events" else "application/json"
        if key is not None:
            headers["Idempotency-Key"] = key
        builder = EnvironBuilder(
            path=path, method=method, query_string=query, headers=headers, json=body, base_url=request.host_url
        )
        environ = builder.get_environ()
        environ["REMOTE_ADDR"] = request.remote_addr or ""
        if g.get("access") is not None:
            environ[CARRIED] = g.access
        return environ


def segment(text: str) -> str:
    """As one part of a path."""
    return quote(text, safe="")


def _query(query: Mapping[str, object]) -> str:
    given = {name.rstrip("_").replace("page_token", "pageToken"): value for name, value in query.items()}
    kept = {name: str(value) for name, value in given.items() if value not in (None, "")}
    return f"?{urlencode(kept)}" if kept else ""


def _parsed(body: bytes, content_type: str) -> Any:
    if not body:
        return None
    return json.loads(body) if "json" in content_type else body.decode("utf-8", "replace")
