"""Whether the API answers, and whether its port is free."""

import http.client
import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from app.embedded.options import HOST, StackRefused

_PROBE_S = 15.0  # a check that waits for a silent server has to come back with its reason
_POLL_S = 0.1
_PATIENT_S = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API says of itself; `away` holds the sentences of its failing checks."""

    ready: bool
    said: str
    away: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "; ".join(self.away) or self.said


class NotReady(Exception):
    """The API did not answer 200 in time."""

    def __init__(self, url: str, last: str) -> None:
        super().__init__(f"{url} did not become ready in time. Last: {last}")


def refuse_taken_port(port: int) -> None:
    """Raises StackRefused. Bound the way gunicorn binds, so that connections lately closed do not matter."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StackRefused(
                f"Port {port} on {HOST} cannot be used: {error.strerror}.\nTake another: --port {port + 1}"
            ) from None


def wait_ready(
    url: str,
    *,
    path: str = "/health/ready",
    deadline: float,
    tell: Callable[[str], None],
) -> Answer:
    """Ask until it answers 200; `deadline` is an instant of time.monotonic(). Raises NotReady.

    After some seconds, and whenever it changes from then on, `tell` hears what is waited for.
    """
    begun, told = time.monotonic(), ""
    while not (answer := ask(url, path)).ready:
        now = time.monotonic()
        if now > deadline:
            raise NotReady(url + path, str(answer))
        if now - begun >= _PATIENT_S and str(answer) != told:
            told = str(answer)
            tell(told)
        time.sleep(_POLL_S)
    return answer


def ask(url: str, path: str) -> Answer:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or HOST, address.port, timeout=_PROBE_S)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        return Answer(response.status == http.client.OK, f"it answers {response.status}", _away(response.read()))
    except (OSError, http.client.HTTPException) as error:
        return Answer(False, f"it does not answer yet ({type(error).__name__})")
    finally:
        connection.close()


def _away(body: bytes) -> tuple[str, ...]:
    try:
        checks: list[dict[str, Any]] = json.loads(body)["checks"]
        return tuple(f"{check['name']}: {check['detail']}" for check in checks if not check["ok"])
    except (ValueError, KeyError, TypeError):
        return ()
