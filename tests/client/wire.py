"""What stands behind a client in these tests: the whole application, or answers that were written down."""

from contextlib import suppress

import httpx
from werkzeug.exceptions import HTTPException

from app.api.doors import address_of
from app.client import Liftlock
from app.client.transport import Transport
from tests.api.stand import Stand

URL = "http://localhost:3000"


class Wire(httpx.BaseTransport):
    """To the application in this process; notes which routes are asked for."""

    def __init__(self, stand: Stand) -> None:
        self._inner = httpx.WSGITransport(app=stand.app)
        self._adapter = stand.app.url_map.bind("localhost")
        self.asked: set[str] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with suppress(HTTPException):
            rule, _ = self._adapter.match(request.url.path, request.method, return_rule=True)
            self.asked.add(f"{request.method} {address_of(rule.rule)}")
        return self._inner.handle_request(request)


def client_of(stand: Stand, token: str = "") -> Liftlock:
    return Liftlock(URL, token, http=Wire(stand))


def answering(*answers: httpx.Response | Exception) -> tuple[Transport, list[httpx.Request]]:
    """A transport that gets these answers in turn, and what it has sent."""
    sent: list[httpx.Request] = []
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        given = left.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    keys = iter(f"key-{number}" for number in range(100))
    return Transport(URL, None, httpx.MockTransport(answer), lambda _: None, lambda: next(keys)), sent
