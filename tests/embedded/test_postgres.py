import asyncio
import multiprocessing
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from app.embedded import account
from app.embedded.account import Account, public_copy, server_account
from app.embedded.binaries import PostgresBinaries, find_postgres
from app.embedded.postgres import Postgres
from tests.embedded.waiting import none_running, until

pytestmark = pytest.mark.servers


@pytest.fixture
def postgres(folder: Path) -> Iterator[Postgres]:
    server = Postgres(folder / "postgres")
    yield server
    server.stop()


def ask(dsn: str, query: str) -> object:
    async def fetch() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(fetch())


def test_data_password_and_port_outlive_a_stop(postgres: Postgres) -> None:
    postgres.start()
    dsn = postgres.create_database("kept")
    ask(dsn, "CREATE TABLE boats (name text)")
    postgres.stop()
    assert postgres.pid is None
    postgres.start()
    assert postgres.create_database("kept") == dsn
    assert ask(dsn, "SELECT count(*) FROM boats") == 0


def test_a_new_launcher_finds_the_data_after_everything_was_killed(postgres: Postgres, folder: Path) -> None:
    postgres.start()
    ask(postgres.dsn(), "CREATE TABLE boats (name text)")
    assert postgres.pid is not None
    os.kill(postgres.pid, signal.SIGKILL)
    until(lambda: postgres.poll() is not None)
    successor = Postgres(folder / "postgres")
    try:
        successor.start()
        assert ask(successor.dsn(), "SELECT count(*) FROM boats") == 0
    finally:
        successor.stop()


def test_a_start_waits_for_a_predecessor_that_is_still_ending(postgres: Postgres, folder: Path) -> None:
    postgres.start()
    assert postgres.pid is not None
    os.kill(postgres.pid, signal.SIGINT)
    successor = Postgres(folder / "postgres")
    try:
        successor.start()
        assert ask(successor.dsn(), "SELECT 1") == 1
    finally:
        successor.stop()


def test_a_port_taken_in_the_last_moment_is_changed(folder: Path) -> None:
    server = Postgres(folder / "postgres", durable=False)
    with closing(socket.socket()) as thief:
        thief.bind(("127.0.0.1", server.port))
        thief.listen()
        taken = server.port
        try:
            server.start()
            assert server.port != taken
        finally:
            server.stop()


def test_a_server_that_is_not_durable_leaves_nothing(folder: Path) -> None:
    server = Postgres(folder / "postgres", durable=False, settings={"max_connections": "20"})
    server.start()
    pid = server.pid
    assert ask(server.dsn(), "SHOW max_connections") == "20"
    assert ask(server.dsn(), "SHOW fsync") == "off"
    server.stop()
    assert not server.folder.exists()
    assert pid is not None
    assert none_running([pid])


def test_no_stranger_reads_the_password_or_comes_in_without_it(postgres: Postgres) -> None:
    postgres.start()
    password = (postgres.folder / "password").read_text()
    for path in postgres.folder.rglob("*"):
        if path.is_file() and password.encode() in path.read_bytes():
            assert path.stat().st_mode & 0o077 == 0, path
    with pytest.raises(asyncpg.InvalidPasswordError):
        ask(postgres.dsn().replace(password, "wrong"), "SELECT 1")
    assert ask(postgres.dsn(), "SHOW listen_addresses") == "127.0.0.1"
    assert ask(postgres.dsn(), "SHOW unix_socket_directories") == ""


def test_words_are_compared_the_same_on_every_machine(postgres: Postgres) -> None:
    postgres.start()
    if postgres.major >= 17:
        assert ask(postgres.dsn(), "SELECT datlocale FROM pg_database WHERE datname = 'template1'") == "C.UTF-8"
    assert ask(postgres.dsn(), "SHOW server_encoding") == "UTF8"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that PostgreSQL's account cannot reach")
def test_root_in_a_closed_folder_gets_data_and_programs_outside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, closed = folder / "shared", folder / "closed"
    shared.mkdir()
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(account, "_SHARED", shared)
    found = find_postgres({"LIFTLOCK_SERVERS": "wheel"})
    hidden = copy_package(found.bindir, closed)
    server = Postgres(closed / "data", durable=False, servers=PostgresBinaries(hidden, found.origin))
    try:
        server.start()
        assert ask(server.dsn(), "SELECT 1") == 1
        assert server.folder.parent == shared
    finally:
        server.stop()
    assert not server.folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="a plain user is what all the other tests run as")
def test_a_plain_user_runs_it_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = server_account()
    assert plain is not None
    (folder / "shared").mkdir()
    monkeypatch.setattr(account, "_SHARED", folder / "shared")
    plain.owns(folder)
    binaries = find_postgres({})
    readable = PostgresBinaries(public_copy(binaries.bindir), binaries.origin)
    child = multiprocessing.get_context("fork").Process(target=run_as, args=(plain, folder / "postgres", readable))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert (folder / "postgres" / "password").stat().st_uid == plain.uid


def copy_package(bindir: Path, folder: Path) -> Path:
    """A wheel's PostgreSQL with the libraries that auditwheel put beside its package."""
    installation, package = bindir.parent, bindir.parents[1]
    copied = folder / package.name / installation.name
    shutil.copytree(installation, copied, symlinks=True)
    for libraries in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(libraries, folder / libraries.name)
    return copied / bindir.name


def run_as(plain: Account, data_dir: Path, binaries: PostgresBinaries) -> None:
    os.environ["HOME"] = str(data_dir)
    os.setgroups([])
    os.setgid(plain.gid)
    os.setuid(plain.uid)
    server = Postgres(data_dir, servers=binaries)
    server.start()
    assert ask(server.create_database("mine"), "SELECT current_database()") == "mine"
    pid = server.pid
    server.stop()
    assert pid is not None
    until(lambda: none_running([pid]))
