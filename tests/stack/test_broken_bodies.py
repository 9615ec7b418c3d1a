"""What only a real server sees of a request: the bytes of its body."""

import socket
from collections.abc import Iterator

import pytest

from tests.support.stack import RunningStack, running_stack

pytestmark = pytest.mark.stack

HEAD = b"POST /migrations/run HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("bodies") / "data") as running:
        yield running


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}XX0\r\n\r\n",
        b"2;\x01\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\nbroken trailer\r\n\r\n",
        b"50\r\n{}",
    ],
)
def test_broken_chunks_are_the_callers_mistake(stack: RunningStack, body: bytes) -> None:
    answer = sent(stack.port, CHUNKED + body)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b"application/problem+json" in answer


def test_whole_chunks_are_a_body(stack: RunningStack) -> None:
    assert sent(stack.port, CHUNKED + b"2\r\n{}\r\n0\r\n\r\n").startswith(b"HTTP/1.1 202 ")


def sent(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(4096), b""))
