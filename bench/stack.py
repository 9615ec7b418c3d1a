"""The real stack for a benchmark: `liftlock up` as a process with a data folder and a port of its own."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.embedded.children import Patience, Spawn, end_of_log, free_port, start_child, stop_child
from bench.caller import Caller
from bench.processes import Identity, family, identity_of

ROOT = Path(__file__).resolve().parent.parent
READY_S = 90.0
STOP_S = 60.0
_KEPT = ("LIFTLOCK_SERVERS", "LIFTLOCK_PG_BINDIR", "LIFTLOCK_REDIS_BIN")
_DROPPED = ("DATABASE_URL", "REDIS_URL", "AUTO_RUN_MIGRATIONS")


@dataclass(frozen=True, slots=True)
class RunningStack:
    """`control_url` is also the target of `development`, as without a liftlock.toml."""

    api_url: str
    migrations: Path
    folder: Path
    launcher: int
    control_url: str = field(repr=False)
    redis_url: str = field(repr=False)


@contextmanager
def work_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="liftlock-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # when run as root, PostgreSQL's own account must reach its data in it
        yield folder


@contextmanager
def running_stack(
    folder: Path,
    migrations: Path,
    *,
    environment: Mapping[str, str] | None = None,
    database_url: str | None = None,
    redis_url: str | None = None,
) -> Iterator[RunningStack]:
    """Everything embedded and durable, or on the servers of another stack when their addresses are given."""
    folder.mkdir(mode=0o711, exist_ok=True)
    port, data_dir = free_port(), folder / "data"
    command = [
        str(Path(sys.executable).with_name("liftlock")), "up",
        "--port", str(port), "--data-dir", str(data_dir), "--migrations", str(migrations),
        *(["--database-url", database_url] if database_url else []),
        *(["--redis-url", redis_url] if redis_url else []),
    ]  # fmt: skip
    with child(command, own_environment() | dict(environment or {}), folder / "up.log") as process:
        api_url = f"http://127.0.0.1:{port}"
        _await_ready(api_url, process, folder / "up.log")
        record = json.loads((data_dir / "stack.json").read_text())
        try:
            yield RunningStack(api_url, migrations, folder, process.pid, record["controlUrl"], record["redisUrl"])
        except Exception:
            _show_logs(data_dir / "logs")
            raise


@contextmanager
def child(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that dies with this one, and of which nothing is left afterwards."""
    process = start_child(Spawn(tuple(command), environment, log, signal.SIGTERM, cwd=ROOT))
    try:
        yield process
    finally:
        members = [found for pid in family(process.pid) if (found := identity_of(pid))]
        stop_child(process, signal.SIGTERM, Patience(STOP_S))
        _refuse_survivors(members)


def own_environment() -> dict[str, str]:
    """The caller's, without what would point Liftlock at databases of the caller's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or (name not in _DROPPED and not name.startswith("LIFTLOCK_"))
    }
    return kept | {"LIFTLOCK_CONFIG": "-"}


def _await_ready(api_url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with Caller(api_url) as caller:
                if caller.status_of("/health/ready") == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the stack is not ready; the end of {log}:\n{end_of_log(log)}")


def _show_logs(logs: Path) -> None:
    """The folder is about to be removed: what it says is wanted now."""
    for log in sorted(logs.glob("*.log")):
        print(f"the end of {log.name}:\n{end_of_log(log)}\n", file=sys.stderr)


def _refuse_survivors(members: list[Identity]) -> None:
    deadline = time.monotonic() + 5
    while (left := [member for member in members if member.lives]) and time.monotonic() < deadline:
        time.sleep(0.05)
    for member in left:
        os.kill(member.pid, signal.SIGKILL)
    if left:
        raise RuntimeError(f"still running after the stop, now killed: {[member.pid for member in left]}")
