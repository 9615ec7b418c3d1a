"""A worker that is told to stop: for whom it waits, and for how long."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from celery import Celery
from celery.worker import state

from worker import stopping

PATIENCE_S = 0.3
ROOT = Path(__file__).resolve().parents[2]
WITH_A_JOB = """\
import os, sys
from celery.signals import task_postrun, task_prerun
from worker import stopping
stopping._at_work = os.fdopen(int(sys.argv[1]), "r+b")
task_prerun.send(None)
print("begun", flush=True)
sys.stdin.readline()
task_postrun.send(None)
print("ended", flush=True)
sys.stdin.readline()
"""


class Child:
    """A process of the pool with a job: it has the file of its parent."""

    def __init__(self) -> None:
        file = stopping._at_work.fileno()
        command = (sys.executable, "-c", WITH_A_JOB, str(file))
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(file,), text=True
        )
        self._hear("begun")

    def end_its_job(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("end\n")
        self.process.stdin.flush()
        self._hear("ended")

    def kill(self) -> None:
        with self.process:
            self.process.kill()

    def _hear(self, word: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == word


@pytest.fixture
def child() -> Iterator[Child]:
    made = Child()
    yield made
    made.kill()


@pytest.mark.parametrize("end", [Child.end_its_job, Child.kill])
def test_a_process_is_at_work_until_its_job_ends_or_it_is_killed(child: Child, end: Callable[[Child], None]) -> None:
    assert stopping.somebody_is_at_work()
    end(child)
    assert not stopping.somebody_is_at_work()


def test_as_long_as_one_of_two_is_at_work_somebody_is(child: Child) -> None:
    other = Child()
    other.kill()
    assert stopping.somebody_is_at_work()


def stop(patience_s: float) -> None:
    app: Any = Celery("stopping")
    stopping.end_with_the_last_job(app)
    conf = SimpleNamespace(worker_soft_shutdown_timeout=patience_s)
    consumer = SimpleNamespace(task_consumer=None)
    app.Worker.wait_for_soft_shutdown(SimpleNamespace(app=SimpleNamespace(conf=conf), consumer=consumer))


def test_it_waits_no_longer_than_its_patience(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "active_requests", {"a request"})
    began = time.monotonic()

    stop(PATIENCE_S)

    assert time.monotonic() - began >= PATIENCE_S
    assert stopping.somebody_is_at_work(), "it waited for a job that had ended"


def test_without_a_job_it_does_not_wait(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "active_requests", set())
    looked = Mock(return_value=True)
    monkeypatch.setattr(stopping, "somebody_is_at_work", looked)

    stop(PATIENCE_S)

    looked.assert_not_called()


def test_it_ends_with_its_last_job(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "active_requests", {"a request"})
    ends = threading.Timer(0.05, child.end_its_job)
    ends.start()

    stop(600)

    assert not stopping.somebody_is_at_work()
    ends.join(10)
    assert not ends.is_alive()
