"""What logging costs a process that serves."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).resolve().parents[1]
ADDRESSES = {"DATABASE_URL": "postgresql://127.0.0.1/nobody", "REDIS_URL": "redis://127.0.0.1:1/0"}


@pytest.mark.parametrize("entry", ["worker.celery", "app.serving", "app.cli.local.up"])
def test_a_process_that_serves_does_not_load_what_draws_tracebacks(entry: str) -> None:
    asked = f"import sys, {entry}\nprint(*sys.modules)\nimport rich.console"
    said = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=ROOT,
        env={**os.environ, **ADDRESSES},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    loaded = {name.partition(".")[0] for name in said.stdout.split()}
    assert "structlog" in loaded
    assert loaded & {"rich", "pygments"} == set()


@pytest.mark.parametrize("nobody", ["a disk that is full", "a pipe that nobody reads"])
def test_a_line_that_nobody_takes_down_fails_nothing(nobody: str) -> None:
    asked = "from app import logs\nlogs.configure_logs('INFO')\nfor n in range(3): logs.logger().info('line', n=n)\n"
    with _open(nobody) as stream:
        said = subprocess.run(
            [sys.executable, "-c", f"{asked}print('went on', flush=True)"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
            check=False,
        )
    assert said.stdout == "went on\n"


def test_a_standard_error_that_is_closed_at_the_start_fails_nothing() -> None:
    asked = "from app import logs\nlogs.configure_logs('INFO')\nlogs.logger().info('line')\nprint('went on')"
    said = subprocess.run(
        ["sh", "-c", f'exec {sys.executable} -c "$0" 2>&-', asked],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert said.stdout == "went on\n"


def _open(nobody: str) -> IO[bytes]:
    if nobody == "a disk that is full":
        return Path("/dev/full").open("wb")
    read, write = os.pipe()
    os.close(read)
    return os.fdopen(write, "wb")
