"""Whether the API answers, and whether its port is free."""

import http.client
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from app.embedded.options import HOST, StackRefused

_PROBE_S = 5.0
_POLL_S = 0.1


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
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Ask until it answers 200; `deadline` is an instant of time.monotonic(). Raises NotReady."""
    last = "no answer"
    while not cancelled():
        last = _ask(url, path)
        if last == "200":
            return
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_S)
    raise NotReady(url + path, last)


def _ask(url: str, path: str) -> str:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or HOST, address.port, timeout=_PROBE_S)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()
