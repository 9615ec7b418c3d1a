"""A worker that is told to stop waits for the jobs it has, and no longer than they take."""

import fcntl
import logging
import tempfile
import time
from typing import Any

from celery import Celery
from celery.signals import task_postrun, task_prerun
from celery.worker import state

LOOK_EVERY_S = 0.1

_at_work = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process is
"""Locked by each process of the pool that is at work; a process that is killed lets go of it."""
_log = logging.getLogger(__name__)


@task_prerun.connect
def _begin(**_: Any) -> None:
    fcntl.lockf(_at_work, fcntl.LOCK_SH)


@task_postrun.connect
def _end(**_: Any) -> None:
    fcntl.lockf(_at_work, fcntl.LOCK_UN)


def somebody_is_at_work() -> bool:
    """In another process than this one."""
    try:
        fcntl.lockf(_at_work, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    fcntl.lockf(_at_work, fcntl.LOCK_UN)
    return False


def leave_the_queue(consumer: Any) -> None:
    """What is rung for now is for other workers. Redis would give the next ring to the question that this one has
    left with it, which is not read any more, and the job would wait until its sweeper rings again."""
    asking = getattr(getattr(consumer.task_consumer, "channel", None), "_in_poll", None)
    if asking:
        asking.disconnect()


def end_with_the_last_job(app: Celery) -> None:
    """Celery itself always waits for the whole of `worker_soft_shutdown_timeout`, also after the last one has ended."""

    class Worker(app.Worker):  # type: ignore[name-defined,misc]
        def wait_for_soft_shutdown(self) -> None:
            if not state.active_requests:
                return
            leave_the_queue(self.consumer)
            patience_s = self.app.conf.worker_soft_shutdown_timeout
            _log.warning("told to stop: the jobs of this worker have %s s to end", patience_s)
            deadline = time.monotonic() + patience_s
            while time.monotonic() < deadline:
                time.sleep(LOOK_EVERY_S)
                if not somebody_is_at_work():
                    return

    app.Worker = Worker  # type: ignore[misc]
