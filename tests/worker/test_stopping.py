"""A worker that is told to stop: for whom it waits, and for how long."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Event
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from celery import Celery
from celery.signals import task_postrun, task_prerun
from celery.worker import state

from worker import stopping

PATIENCE_S = 0.3
_FORKED = multiprocessing.get_context("fork")


def _work(begun: Event, may_end: Event, ended: Event) -> None:
    task_prerun.send(None)
    begun.set()
    may_end.wait(30)
    task_postrun.send(None)
    ended.set()
    time.sleep(30)


class Child:
    """A process of the pool with a job, as its parent has forked it."""

    def __init__(self) -> None:
        self.may_end, self.ended, begun = _FORKED.Event(), _FORKED.Event(), _FORKED.Event()
        self.process = _FORKED.Process(target=_work, args=(begun, self.may_end, self.ended))
        self.process.start()
        assert begun.wait(10)

    def end_its_job(self) -> None:
        self.may_end.set()
        assert self.ended.wait(10)

    def kill(self) -> None:
        self.process.kill()
        self.process.join(10)


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
    app.Worker.wait_for_soft_shutdown(SimpleNamespace(app=SimpleNamespace(conf=conf)))


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
    timer = threading.Timer(0.05, child.may_end.set)
    timer.start()

    stop(600)

    assert child.may_end.is_set()
    assert child.ended.wait(10)
    timer.join()
