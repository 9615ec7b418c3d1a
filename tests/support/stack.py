"""The whole stack as a user starts it: `liftlock up` or `liftlock demo` as a process, spoken to over HTTP."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from app.embedded.children import free_port
from tests.support.eventually import eventually
from tests.support.memory import let_servers_in

LIFTLOCK = str(Path(sys.executable).with_name("liftlock"))
READY_WITHIN_S = 60
STOPPED_WITHIN_S = 40
TOLD = ("DATABASE_URL", "REDIS_URL", "AUTO_RUN_MIGRATIONS")


class RunningStack:
    def __init__(self, process: "subprocess.Popen[bytes]", data_dir: Path, port: int, output: Path) -> None:
        self.process = process
        self.data_dir = data_dir
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self._output = output
        self.http = httpx.Client(base_url=self.url, timeout=90, trust_env=False)

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    @property
    def record(self) -> dict[str, Any]:
        """stack.json"""
        found: dict[str, Any] = json.loads((self.data_dir / "stack.json").read_text(encoding="utf-8"))
        return found

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in (self.data_dir / "logs").glob("*.log"))

    def job(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Ask for a change and wait for its job to end."""
        answer = self.http.request(method, path, **options)
        assert answer.status_code in (200, 202), answer.text
        job: dict[str, Any] = answer.json()
        while job["state"] in ("queued", "waiting", "running"):
            job = self.http.get(f"/jobs/{job['id']}", params={"wait": 30}).json()
        return job

    def statuses(self) -> dict[str, str]:
        return {one["name"]: one["status"] for one in self.http.get("/migrations").json()}


@contextmanager
def running_stack(
    data_dir: Path, *arguments: str, command: str = "up", environ: Mapping[str, str] | None = None
) -> Iterator[RunningStack]:
    let_servers_in(data_dir.parent)
    port = free_port()
    output = data_dir.with_suffix(".out")
    clean = {name: value for name, value in os.environ.items() if name not in TOLD and not name.startswith("LIFTLOCK_")}
    clean |= {name: value for name, value in os.environ.items() if name == "LIFTLOCK_SERVERS"}
    with output.open("ab") as sink:
        process = subprocess.Popen(
            [LIFTLOCK, command, "--port", str(port), "--data-dir", str(data_dir), *arguments],
            env=clean | {"LIFTLOCK_CONFIG": "-"} | dict(environ or {}),
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    stack = RunningStack(process, data_dir, port, output)
    try:
        eventually(lambda: _is_ready(stack), within_s=READY_WITHIN_S, every_s=0.1)
        yield stack
    finally:
        stack.http.close()
        _stop(process)


def _is_ready(stack: RunningStack) -> bool:
    if stack.process.poll() is not None:
        raise RuntimeError(f"the stack ended with {stack.process.returncode}:\n{stack.output}")
    try:
        return stack.http.get("/health/ready").status_code == 200
    except httpx.HTTPError:
        return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        raise
