"""The connections of the API's server: how long a client may take, and what one is told whose request is none."""

import errno
import json
import secrets
import socket
import time
from http import HTTPStatus
from typing import Any

import structlog
from gunicorn.http.errors import (
    ConfigurationProblem,
    ExpectationFailed,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from app.api.application import HEADERS

LONGEST_REQUEST_S = 30.0
"""From its first byte to its last."""
LONGEST_SEND_S = 30.0
"""For what is sent at once: a part of an answer, or an event of a stream."""

_CRASHED = "something went wrong inside Liftlock; its log says more under this requestId"
_TOLD: tuple[tuple[type[Exception], HTTPStatus, str], ...] = (
    (InvalidResponseHeader, HTTPStatus.INTERNAL_SERVER_ERROR, _CRASHED),
    (InvalidResponseHeaderName, HTTPStatus.INTERNAL_SERVER_ERROR, _CRASHED),
    (ConfigurationProblem, HTTPStatus.INTERNAL_SERVER_ERROR, _CRASHED),
    (LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG, "the address is longer than 8190 bytes; send a shorter one"),
    (
        LimitRequestHeaders,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "there are more than 100 headers, or one is longer than 8190 bytes; send fewer or shorter ones",
    ),
    (
        UnsupportedTransferCoding,
        HTTPStatus.NOT_IMPLEMENTED,
        "the body comes in a transfer coding that is not understood here; send it with Content-Length, or in chunks",
    ),
    (ExpectationFailed, HTTPStatus.EXPECTATION_FAILED, "what `Expect` asks for is not done here; leave it out"),
    (ParseException, HTTPStatus.BAD_REQUEST, "this is not a request as HTTP/1.1 writes it; look at its first lines"),
)

log = structlog.get_logger()


class Connection(socket.socket):
    """A client that sends or reads too slowly loses it; another who waits for its thread gets that."""

    until: float | None = None

    def begin(self) -> None:
        self.until = time.monotonic() + LONGEST_REQUEST_S

    def setblocking(self, flag: bool) -> None:
        self.settimeout(LONGEST_SEND_S if flag else 0)

    def recv(self, *wanted: int) -> bytes:
        if self.until is None or self.gettimeout() == 0:
            return super().recv(*wanted)
        self.settimeout(max(0.001, min(self.until - time.monotonic(), LONGEST_REQUEST_S)))
        try:
            return super().recv(*wanted)
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "the client takes too long to send its request") from None
        finally:
            self.settimeout(LONGEST_SEND_S)

    def sendall(self, *given: Any) -> None:
        """As a whole within the time."""
        try:
            super().sendall(*given)
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "the client takes too long to read its answer") from None


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker of threads, which knows no end to a request and answers broken ones with HTML."""

    def enqueue_req(self, conn: Any) -> None:
        if not isinstance(conn.sock, Connection):
            conn.sock = Connection(fileno=conn.sock.detach())
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        conn.sock.begin()
        return super().handle(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        request_id = secrets.token_hex(16)
        status, detail = next(
            ((status, said) for kind, status, said in _TOLD if isinstance(exc, kind)),
            (HTTPStatus.INTERNAL_SERVER_ERROR, _CRASHED),
        )
        if status is HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("request.crashed", request_id=request_id, exc_info=exc)
        else:
            log.info("request.refused", request_id=request_id, slug="bad-request", why=detail)
        try:
            write_nonblock(client, answer(status, detail, request_id))
        except OSError as error:
            log.debug("request.unanswered", request_id=request_id, error=str(error))


def answer(status: HTTPStatus, detail: str, request_id: str) -> bytes:
    """The whole of it, as it is sent."""
    slug = "internal-error" if status is HTTPStatus.INTERNAL_SERVER_ERROR else "bad-request"
    problem: dict[str, object] = {
        "type": f"/problems/{slug}",
        "title": "Liftlock failed" if slug == "internal-error" else "The request cannot be understood",
        "status": int(status),
        "detail": detail,
        "instance": "/",
        "requestId": request_id,
        "nextSteps": [],
    }
    body = json.dumps(problem).encode() + b"\n"
    headers = HEADERS | {
        "Connection": "close",
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Request-Id": request_id,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {int(status)} {status.phrase}\r\n{head}\r\n".encode() + body
