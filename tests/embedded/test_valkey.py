import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from app.embedded.valkey import Valkey
from tests.embedded.waiting import none_running

pytestmark = pytest.mark.servers


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path / 'a "quoted" folder')
    yield server
    server.stop()


def client(server: Valkey) -> "redis.Redis":
    return redis.Redis.from_url(server.url, decode_responses=True)


def test_data_password_and_port_outlive_a_stop(valkey: Valkey) -> None:
    valkey.start()
    url = valkey.url
    with client(valkey) as connection:
        connection.set("boat", "lifted")
    valkey.stop()
    assert valkey.pid is None
    valkey.start()
    assert valkey.url == url
    with client(valkey) as connection:
        assert connection.get("boat") == "lifted"
        assert connection.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_a_new_launcher_finds_data_and_password_after_a_kill(valkey: Valkey) -> None:
    valkey.start()
    with client(valkey) as connection:
        connection.set("boat", "lifted")
    assert valkey.pid is not None
    os.kill(valkey.pid, signal.SIGKILL)
    successor = Valkey(valkey.folder)
    try:
        successor.start()
        with client(successor) as connection:
            assert connection.get("boat") == "lifted"
    finally:
        successor.stop()


def test_a_start_waits_for_a_predecessor_that_is_still_ending(valkey: Valkey) -> None:
    valkey.start()
    assert valkey.pid is not None
    os.kill(valkey.pid, signal.SIGTERM)
    successor = Valkey(valkey.folder)
    try:
        successor.start()
        with client(successor) as connection:
            assert connection.ping()
    finally:
        successor.stop()


def test_a_port_taken_in_the_last_moment_is_changed(tmp_path: Path) -> None:
    server = Valkey(tmp_path / "valkey", durable=False)
    with closing(socket.socket()) as thief:
        thief.bind(("127.0.0.1", server.port))
        thief.listen()
        taken = server.port
        try:
            server.start()
            assert server.port != taken
        finally:
            server.stop()


def test_a_server_that_is_not_durable_leaves_nothing(tmp_path: Path) -> None:
    server = Valkey(tmp_path / "valkey", durable=False)
    server.start()
    pid = server.pid
    server.stop()
    assert not server.folder.exists()
    assert pid is not None
    assert none_running([pid])


def test_no_stranger_reads_the_password_or_comes_in_without_it(valkey: Valkey) -> None:
    valkey.start()
    password = (valkey.folder / "password").read_text()
    for path in valkey.folder.rglob("*"):
        if path.is_file() and password.encode() in path.read_bytes():
            assert path.stat().st_mode & 0o077 == 0, path
    with redis.Redis(port=valkey.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
