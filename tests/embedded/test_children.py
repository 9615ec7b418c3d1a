import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.embedded import children
from app.embedded.children import Patience, Spawn, await_end, outlived, start_child, stop_child
from tests.embedded.waiting import none_running, running, until

IDLE = "import signal; signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"


def spawn(code: str, log: Path) -> Spawn:
    return Spawn((sys.executable, "-c", code), os.environ, log, on_parent_death=signal.SIGKILL)


def test_a_child_leads_its_own_session_and_hears_signals_its_parent_ignores(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = start_child(spawn(IDLE, tmp_path / "log"))
    finally:
        signal.signal(signal.SIGINT, before)
    assert os.getsid(child.pid) == child.pid
    until(lambda: outlived_command(child.pid))
    stop_child(child, signal.SIGINT, Patience(20))
    assert child.returncode in {-signal.SIGINT, 1}


def outlived_command(pid: int) -> bool:
    return "signal.pause" in (children.command_of(pid) or "")


def test_a_child_that_does_not_listen_is_killed_with_its_group(tmp_path: Path) -> None:
    child = start_child(spawn(STUBBORN, tmp_path / "log"))
    until(lambda: "deaf" in (tmp_path / "log").read_text())
    stop_child(child, signal.SIGTERM, Patience(0.2))
    assert child.returncode == -signal.SIGKILL


def test_the_log_of_a_child_is_private(tmp_path: Path) -> None:
    child = start_child(spawn(IDLE, tmp_path / "log"))
    stop_child(child, signal.SIGTERM, Patience(20))
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_a_hurried_patience_ends_sooner_and_never_later() -> None:
    patience = Patience(100)
    patience.hurry(1)
    assert patience.left_s() <= 1
    patience.hurry(50)
    assert patience.left_s() <= 1


def test_a_pid_file_of_a_namesake_means_nothing(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    pid_file.write_text(f"{os.getpid()}\n")
    assert outlived(pid_file, "another programme") is None
    pid_file.write_text("rubbish")
    assert outlived(pid_file, "") is None
    assert await_end(pid_file, "", signal.SIGTERM, Patience(0))


def test_an_orphan_that_no_kernel_has_told_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {IDLE!r}], stdout=subprocess.DEVNULL)\n"
        "print(child.pid)"
    )
    answer = subprocess.run([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, check=True)
    orphan = int(answer.stdout)
    (tmp_path / "pid").write_text(str(orphan))
    until(lambda: outlived_command(orphan))
    monkeypatch.setattr(children, "DIES_WITH_PARENT", False)
    monkeypatch.setattr(children, "_ps", lambda pid, column: "1")
    assert running(orphan)
    assert await_end(tmp_path / "pid", "signal.pause", signal.SIGTERM, Patience(20))
    until(lambda: none_running([orphan]))
