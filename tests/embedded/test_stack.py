import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.embedded.children import free_port
from tests.embedded import launcher as programs
from tests.embedded.waiting import none_running, running, until

ROOT = Path(__file__).parents[2]
NO_SERVERS = {"database_url": "postgresql://elsewhere/control", "redis_url": "redis://elsewhere/0"}
pytestmark = pytest.mark.stack


class Launcher:
    """One launcher as a process of its own, with NO_SERVERS unless said otherwise."""

    def __init__(self, data_dir: Path, **options: Any) -> None:
        self.data_dir = data_dir
        self.port = options.setdefault("port", free_port())
        argument = json.dumps({"data_dir": str(data_dir), **options})
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.embedded.launcher", argument],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._said = ""

    def until_ready(self) -> dict[str, Any]:
        self.until_said("on_ready")
        return self.record()

    def until_said(self, words: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._said += line
            if words in line:
                return
        raise AssertionError(f"it ended without saying {words!r}: {self._said}")

    def record(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.data_dir / "stack.json").read_text())
        return content

    def pids(self) -> list[int]:
        return [pid for pid in self.record()["pids"].values() if isinstance(pid, int)]

    def ended(self) -> tuple[int, str]:
        rest, _ = self.process.communicate(timeout=60)
        return self.process.returncode, self._said + rest


Launch = Callable[..., Launcher]


@pytest.fixture
def launch(folder: Path) -> Iterator[Launch]:
    started: list[Launcher] = []

    def start(**options: Any) -> Launcher:
        started.append(Launcher(folder / "data", **options))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.communicate()
    left = [int(path.read_text().split()[0]) for path in (folder / "data" / "run").glob("*.pid")]
    until(lambda: none_running(left))


@pytest.mark.servers
def test_it_runs_real_servers_says_where_and_removes_its_traces(launch: Launch) -> None:
    stack = launch(
        targets={"development": "boats", "elsewhere": "postgresql://far/away"},
        commands={"worker": programs.ENVIRONMENT},
    )
    record = stack.until_ready()
    assert (stack.data_dir / "stack.json").stat().st_mode & 0o777 == 0o600
    assert record["apiUrl"] == f"http://127.0.0.1:{stack.port}"
    assert record["targets"]["elsewhere"] == "postgresql://far/away"
    assert set(record["pids"]) == {"api", "worker", "workers", "beat", "postgres", "valkey"}
    assert asyncio.run(database_of(record["controlUrl"])) == "liftlock"
    assert asyncio.run(database_of(record["targets"]["development"])) == "boats"
    environment = until(lambda: read_json(stack.data_dir / "environment.json"))
    assert environment["DATABASE_URL"] == record["controlUrl"]
    assert environment["REDIS_URL"] == record["redisUrl"]
    assert environment["LIFTLOCK_DATA_DIR"] == str(stack.data_dir)
    assert environment["PATH"].startswith(str(Path(sys.executable).parent))
    pids = stack.pids()
    stack.process.terminate()
    code, said = stack.ended()
    assert code == 0
    for secret in ("controlUrl", "redisUrl"):
        assert record[secret].split(":")[2].split("@")[0] not in said
    assert none_running(pids)
    assert not (stack.data_dir / "stack.json").exists()


@pytest.mark.servers
def test_a_killed_launcher_leaves_no_process_and_the_next_one_keeps_the_data(launch: Launch) -> None:
    first = launch(commands={"worker": programs.POOL})
    record = first.until_ready()
    pids = [*first.pids(), int(until(lambda: read_line(first.data_dir / "pool")))]
    asyncio.run(execute(record["controlUrl"], "CREATE TABLE kept ()"))
    first.process.kill()
    second = launch(port=first.port)
    record = second.until_ready()
    assert none_running(pids)
    assert asyncio.run(execute(record["controlUrl"], "TABLE kept")) == "SELECT 0"
    pids = second.pids()
    second.process.kill()
    until(lambda: none_running(pids))


@pytest.mark.servers
def test_killed_servers_come_back_on_the_same_addresses_with_their_data(launch: Launch) -> None:
    stack = launch()
    record = stack.until_ready()
    asyncio.run(execute(record["controlUrl"], "CREATE TABLE kept ()"))
    for name in ("postgres", "valkey"):
        os.kill(record["pids"][name], signal.SIGKILL)
    until(lambda: replaced(stack, "postgres", record["pids"]["postgres"]))
    until(lambda: replaced(stack, "valkey", record["pids"]["valkey"]))
    assert stack.record()["controlUrl"] == record["controlUrl"]
    assert asyncio.run(execute(record["controlUrl"], "TABLE kept")) == "SELECT 0"
    assert stack.record()["redisUrl"] == record["redisUrl"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_wish_to_stop_stops_everything(launch: Launch, how: signal.Signals) -> None:
    stack = launch(**NO_SERVERS)
    stack.until_ready()
    pids = stack.pids()
    stack.process.send_signal(how)
    code, said = stack.ended()
    assert code == 0, said
    assert none_running(pids)


def test_why_the_api_is_not_ready_is_said_until_the_stop(launch: Launch) -> None:
    stack = launch(**NO_SERVERS, commands={"api": programs.UNREADY})
    stack.until_said("The API is not ready yet: db: is away.")
    stack.process.terminate()
    code, said = stack.ended()
    assert code == 0
    assert "not ready yet" not in said.partition("Stopping")[2]


def test_a_second_ctrl_c_shortens_the_wait_for_a_deaf_child(launch: Launch) -> None:
    deaf = "import signal; [signal.signal(s, signal.SIG_IGN) for s in (2, 15)]; print('deaf', flush=True)\n"
    stack = launch(**NO_SERVERS, commands={"worker": deaf + programs.IDLE})
    stack.until_ready()
    pids = stack.pids()
    until(lambda: "deaf" in (stack.data_dir / "logs" / "worker.log").read_text())
    stack.process.send_signal(signal.SIGINT)
    stack.until_said("Stopping")
    stack.process.send_signal(signal.SIGINT)
    assert stack.process.wait(timeout=15) == 0
    assert none_running(pids)


def test_a_killed_worker_comes_back_and_its_pool_does_not_stay(launch: Launch) -> None:
    stack = launch(**NO_SERVERS, commands={"worker": programs.POOL})
    before = stack.until_ready()["pids"]
    pool = int(until(lambda: read_line(stack.data_dir / "pool")))
    (stack.data_dir / "pool").unlink()
    os.kill(before["worker"], signal.SIGKILL)
    after = until(lambda: replaced(stack, "worker", before["worker"]))
    assert after["workers"] == [after["worker"]]
    assert after["api"] == before["api"]
    assert not running(pool)
    second = int(until(lambda: read_line(stack.data_dir / "pool")))
    stack.process.terminate()
    stack.ended()
    assert none_running([second, after["worker"]])


def test_a_program_that_cannot_live_ends_the_stack_with_the_end_of_its_log(launch: Launch) -> None:
    stack = launch(**NO_SERVERS, commands={"worker": programs.CRASH})
    code, said = stack.ended()
    assert code == 1
    assert "worker ended 6 times in a row" in said
    assert "the programme is broken" in said.split("Everything is stopped")[1]
    assert not (stack.data_dir / "stack.json").exists()


def test_a_second_launcher_on_the_folder_is_refused_with_pid_and_address(launch: Launch) -> None:
    first = launch(**NO_SERVERS)
    first.until_ready()
    code, said = launch(**NO_SERVERS).ended()
    assert code == 1
    assert f"pid {first.process.pid}, API at http://127.0.0.1:{first.port}" in said
    assert first.record()["apiUrl"] == f"http://127.0.0.1:{first.port}"


def test_a_taken_port_is_refused_before_anything_starts(launch: Launch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        stack = launch(port=port)
        code, said = stack.ended()
    assert code == 1
    assert f"Port {port}" in said
    assert f"--port {port + 1}" in said
    assert not (stack.data_dir / "postgres").exists()


def test_who_waits_for_readiness_may_end_the_stack_with_a_code(launch: Launch) -> None:
    code, said = launch(**NO_SERVERS, exit_on_ready=7).ended()
    assert code == 7, said
    assert "Stopped." in said


async def database_of(dsn: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        return str(await connection.fetchval("SELECT current_database()"))
    finally:
        await connection.close()


async def execute(dsn: str, statement: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        return str(await connection.execute(statement))
    finally:
        await connection.close()


def replaced(stack: Launcher, name: str, before: int) -> dict[str, Any] | None:
    pids: dict[str, Any] = stack.record()["pids"]
    return pids if pids[name] not in {None, before} else None


def read_json(path: Path) -> dict[str, str] | None:
    return json.loads(path.read_text()) if path.exists() else None


def read_line(path: Path) -> str | None:
    text = path.read_text() if path.exists() else ""
    return text if text.endswith("\n") else None
