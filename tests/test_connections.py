"""Clients that are too slow lose their connection, and nothing else."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from app.connections import Connection


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Connection, socket.socket]]:
    """The server's end, which has little patience, and the client's."""
    monkeypatch.setattr("app.connections.LONGEST_REQUEST_S", 0.2)
    monkeypatch.setattr("app.connections.LONGEST_SEND_S", 0.2)
    ours, theirs = socket.socketpair()
    with Connection(fileno=ours.detach()) as connection, theirs:
        connection.setblocking(True)
        connection.begin()
        yield connection, theirs


def test_a_request_that_comes_byte_by_byte_is_not_waited_for(ends: tuple[Connection, socket.socket]) -> None:
    connection, client = ends
    stop, began = threading.Event(), time.monotonic()

    def drip() -> None:
        while not stop.wait(0.02):
            client.sendall(b"x")

    dripping = threading.Thread(target=drip)
    dripping.start()
    with pytest.raises(ConnectionResetError, match="send its request"):
        while True:
            connection.recv(8192)
    assert time.monotonic() - began < 5
    stop.set()
    dripping.join()


def test_a_client_that_reads_nothing_does_not_keep_a_thread(ends: tuple[Connection, socket.socket]) -> None:
    connection, _ = ends
    with pytest.raises(ConnectionResetError, match="read its answer"):
        connection.sendall(b"x" * 50_000_000)


def test_who_is_quick_enough_is_served(ends: tuple[Connection, socket.socket]) -> None:
    connection, client = ends
    client.sendall(b"hello")
    assert connection.recv(100) == b"hello"
    connection.sendall(b"welcome")
    assert client.recv(100) == b"welcome"
