"""How a child is started so that it dies with its parent, and ended so that nothing of it is left."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.embedded.account import Account

# Only Linux tells a child that its parent is gone (prctl(2)); elsewhere the next start ends what is left.
DIES_WITH_PARENT = sys.platform.startswith("linux")
_PR_SET_PDEATHSIG = 1
_RESET_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD)
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Spawn:
    """One child to be: what runs, where its output goes, what it hears when its parent dies."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    on_parent_death: signal.Signals
    cwd: Path | None = None
    account: Account | None = None


class Patience:
    """How long a stop may still take; `hurry` shortens it from a signal handler."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds

    def left_s(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def hurry(self, seconds: float) -> None:
        self._deadline = min(self._deadline, time.monotonic() + seconds)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_child(spawn: Spawn) -> subprocess.Popen[bytes]:
    """Start it as the leader of its own session: Ctrl-C in a terminal goes to a whole group, and is ours."""
    log = os.open(spawn.log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    account = spawn.account
    try:
        return subprocess.Popen(
            spawn.command,
            env=dict(spawn.environment),
            cwd=spawn.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            # The kernel forgets the wish when the user id changes; Popen calls this after that.
            preexec_fn=_tie_to_parent(spawn.on_parent_death),  # noqa: PLW1509
        )
    finally:
        os.close(log)


def stop_child(process: subprocess.Popen[bytes], how: signal.Signals, patience: Patience) -> None:
    """Tell the main process only (Celery ends its own pool in order), wait, then kill what is left."""
    if process.poll() is None:
        process.send_signal(how)
    finish_child(process, patience)


def finish_child(process: subprocess.Popen[bytes], patience: Patience) -> None:
    wait_for(process, patience)
    kill_group(process.pid)
    process.wait()


def wait_for(process: subprocess.Popen[bytes], patience: Patience) -> None:
    while process.poll() is None and patience.left_s():
        time.sleep(_POLL_S)


def kill_group(pid: int) -> None:
    """Kill the group that a child led, also when the leader itself is dead already."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # PermissionError: macOS, only zombies are left
        return


def group_lives(pid: int) -> bool:
    """Whether anything of the group that a child led still runs."""
    try:
        os.killpg(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def command_of(pid: int) -> str | None:
    """The command line of a running process; None when there is none."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return _ps(pid, "command=") if not DIES_WITH_PARENT else None
    return raw.replace(b"\0", b" ").decode(errors="replace").strip() or None


def outlived(pid_file: Path, mark: str) -> int | None:
    """The process of a pid file when it still runs; `mark` in its command tells it from a later namesake."""
    try:
        pid = int(pid_file.read_text().split(maxsplit=1)[0])
    except (OSError, ValueError, IndexError):
        return None
    command = command_of(pid) if pid > 1 else None
    return pid if command is not None and _one_line(mark) in _one_line(command) else None


def await_end(pid_file: Path, mark: str, how: signal.Signals, patience: Patience) -> bool:
    """Wait for what an earlier run left, and tell an orphan that no kernel has told. True when it is gone."""
    pid = outlived(pid_file, mark)
    if pid is not None and not DIES_WITH_PARENT and _ps(pid, "ppid=") == "1":
        os.kill(pid, how)
    while outlived(pid_file, mark) is not None:
        if not patience.left_s():
            return False
        time.sleep(_POLL_S)
    return True


def end_of_log(log: Path, offset: int = 0, lines: int = 20) -> str:
    try:
        with log.open("rb") as file:
            file.seek(offset)
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def end_with_parent(death: signal.Signals) -> None:
    """For a process that has been forked already: the kernel sends it `death` when its parent ends (Linux)."""
    if DIES_WITH_PARENT:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(death))


def _tie_to_parent(death: signal.Signals) -> Callable[[], None]:
    # Everything is looked up before the fork: after it, only system calls are safe.
    prctl = ctypes.CDLL(None).prctl if DIES_WITH_PARENT else None
    parent = os.getpid()

    def tie() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, int(death))
        if os.getppid() != parent:  # the parent died before the wish was heard
            os._exit(1)
        # A shell starts background jobs with SIGINT ignored, and ignored signals are inherited.
        for number in _RESET_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    return tie


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _ps(pid: int, column: str) -> str | None:
    answer = subprocess.run(["ps", "-o", column, "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None
