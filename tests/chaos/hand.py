"""A worker's hand as a process of its own, forked from a server that has imported everything: cheap to kill."""

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from app.caretaker import Caretaker
from app.domain.census import ProcessKind
from app.domain.job import JobId, JobKind, JobRequest, Origin
from app.portal import Portal
from app.settings import load_settings
from app.wiring import Services, build
from tests.support.eventually import eventually
from tests.support.servers import fetch

SUBMIT, CARE, PERFORM = "submit", "care", "perform"
PAUSE_S = 0.02
_OPEN = "SELECT id FROM liftlock_control.jobs WHERE state = 'queued' ORDER BY seq DESC"

_forks = multiprocessing.get_context("forkserver")


class Rounds(Protocol):
    value: int


class Hand:
    """`rounds` counts how often it has come back from whatever it did."""

    def __init__(self, environ: Mapping[str, str], duties: Sequence[str], asked: Sequence[JobRequest], log: Path):
        self._rounds = _forks.Value("L", 0, lock=False)
        self._process = _forks.Process(
            target=_work, args=(dict(environ), tuple(duties), tuple(asked), log, self._rounds), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.exitcode

    @property
    def rounds(self) -> int:
        return int(self._rounds.value)

    def wait(self, within_s: float = 20) -> None:
        self._process.join(within_s)

    def wake(self) -> None:
        """After SIGSTOP: let it go on, and wait until it has come back from where it stood."""
        before = self.rounds
        os.kill(self.pid, signal.SIGCONT)
        eventually(lambda: self.rounds >= before + 2 or self.exit_code is not None)

    def end(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._process.join(10)
        self._process.close()


@contextmanager
def hand(
    environ: Mapping[str, str], duties: Sequence[str], log: Path, asked: Sequence[JobRequest] = ()
) -> Iterator[Hand]:
    started = Hand(environ, duties, asked, log)
    try:
        yield started
    finally:
        started.end()


def import_before_forking() -> None:
    _forks.set_forkserver_preload(["app.wiring", "app.caretaker", "asyncpg", "tests.chaos.hand", "sqlalchemy.dialects"])


def _work(
    environ: dict[str, str], duties: tuple[str, ...], asked: tuple[JobRequest, ...], log: Path, rounds: Rounds
) -> None:
    """Do the duties; what a failpoint raises ends a request or a delivery, never the hand."""
    sink = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    services = build(load_settings(environ))
    if SUBMIT in duties:
        for request in asked:
            _tried(services.portal, lambda request=request: _submit(services, request))
    if CARE in duties:
        Caretaker(services, ProcessKind.WORKER).start()
    while CARE in duties or PERFORM in duties:
        if PERFORM in duties:
            _perform_all(services)
        rounds.value += 1
        time.sleep(PAUSE_S)


def _perform_all(services: Services) -> None:
    """Newest first: so one that is not the head is delivered too."""
    try:
        queued = [row["id"] for row in fetch(services.settings.database.secret, _OPEN)]
    except OSError:
        return
    for job_id in queued:
        _tried(services.portal, lambda job_id=job_id: services.runner.perform(JobId(job_id)))


def _submit(services: Services, request: JobRequest):  # type: ignore[no-untyped-def]
    if request.kind is JobKind.RUN:
        return services.migrations.submit(request, Origin())
    if request.retrieval is not None:
        return services.retrievals.submit(request, request.retrieval.set_id, request.retrieval.table, Origin())
    return services.rollbacks.submit(request, Origin())


def _tried(portal: Portal, work) -> None:  # type: ignore[no-untyped-def]
    try:
        portal.run(work())
    except Exception:
        traceback.print_exc()
