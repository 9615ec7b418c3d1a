"""One process of Liftlock's own as a child, with a pid file for the next launcher."""

import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from app.embedded.children import (
    Patience,
    Spawn,
    await_end,
    finish_child,
    group_lives,
    kill_group,
    outlived,
    start_child,
)
from app.embedded.options import Program
from app.embedded.private import write_private

_PREDECESSOR_S = 15.0
_GROUP_S = 5.0
_POLL_S = 0.05


class ProgramChild:
    def __init__(self, program: Program, environment: Mapping[str, str], data_dir: Path) -> None:
        self.name = program.name
        self.log = data_dir / "logs" / f"{program.name}.log"
        self._pid_file = data_dir / "run" / f"{program.name}.pid"
        self._command = program.command
        self._environment = {**environment, **program.environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    def poll(self) -> int | None:
        return self._process.poll() if self._process else 0

    def start(self) -> None:
        if self._process is not None:
            kill_group(self._process.pid)  # what a dead main process has left of its pool
        # Killed with its parent, not told to end: the broker goes at the same moment, and a Celery worker
        # with a task in flight waits for it without end. Jobs survive a kill by design.
        self._process = start_child(Spawn(self._command, self._environment, self.log, signal.SIGKILL))
        write_private(self._pid_file, f"{self._process.pid}\n{_mark(self._command)}\n")

    def ask_to_stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self, patience: Patience) -> None:
        self.ask_to_stop()
        if self._process is not None:
            finish_child(self._process, patience)
        self._pid_file.unlink(missing_ok=True)


def end_predecessors(data_dir: Path) -> None:
    """Wait for what a killed launcher left behind, and kill what does not go."""
    for pid_file in sorted((data_dir / "run").glob("*.pid")):
        pid_text, _, mark = pid_file.read_text().partition("\n")
        if not await_end(pid_file, mark, signal.SIGTERM, Patience(_PREDECESSOR_S)):
            pid = outlived(pid_file, mark)
            if pid is not None:
                kill_group(pid)
        _await_group(int(pid_text), Patience(_GROUP_S))
        pid_file.unlink(missing_ok=True)


def _await_group(pid: int, patience: Patience) -> None:
    # gunicorn's workers look for their dead master once a second and hold the port until then. Nothing
    # is killed here: once the leader is gone, nobody can tell whose group this number is.
    while group_lives(pid) and patience.left_s():
        time.sleep(_POLL_S)


def _mark(command: tuple[str, ...]) -> str:
    # Without the interpreter: macOS's framework build shows another path than the one it was started by.
    return " ".join(" ".join(command[1:] or command).split())
