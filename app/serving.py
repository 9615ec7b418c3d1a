"""How gunicorn serves the API: `gunicorn --config python:app.serving "app:create_app()"`.

gunicorn reads the names of this module that it knows as its settings.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from app import logs, measures
from app.api.context import Extension, extension_of
from app.api.waiting import MOST_WAITING
from app.caretaker import Caretaker
from app.domain.access import Auth
from app.domain.census import ProcessKind
from app.domain.errors import ConfigurationInvalid
from app.embedded.children import end_with_parent
from app.garbage import settle
from app.settings import Settings, load_settings

EXIT_CONFIGURATION = 78
ORDINARY_THREADS = 32

log = logs.logger()


def _settings() -> Settings:
    try:
        return load_settings()
    except ConfigurationInvalid as error:
        print(error.detail, file=sys.stderr)  # noqa: T201 - nothing else runs yet
        raise SystemExit(EXIT_CONFIGURATION) from None


_loaded = _settings()
logs.configure_logs(_loaded.log_level)
measures.share_among_children()
_host = f"[{_loaded.host}]" if ":" in _loaded.host else _loaded.host
_caretakers: dict[int, Caretaker] = {}

bind = f"{_host}:{_loaded.port}"
workers = _loaded.api_processes
worker_class = "app.connections.PatientWorker"
# every request that may wait has a thread, and ordinary ones never queue behind them
threads = MOST_WAITING + ORDINARY_THREADS
worker_connections = 2 * threads
# the code is loaded once and shared; no thread and no connection exists before the fork
preload_app = True
# nothing is controlled from outside, and nothing is written to the home folder
control_socket_disable = True
# gunicorn's heartbeat file: a disk would block the worker now and then
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn makes a private file there
timeout = 60
graceful_timeout = 15
keepalive = 15
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
# the client's address is the peer's: nobody in front is trusted to name another
forwarded_allow_ips = ""
accesslog = None
loglevel = "warning"
proc_name = "liftlock-api"


def when_ready(_server: Any) -> None:
    """Before the first fork."""
    settle()
    log.info("api.listening", address=f"http://{bind}", processes=workers)
    if _loaded.auth is Auth.OFF:
        log.warning("api.open", auth="off", meaning="whoever reaches this address may do everything")


def post_fork(_server: Any, _worker: Any) -> None:
    """A worker whose master was killed outright ends at once, and not when it next looks."""
    end_with_parent(signal.SIGKILL)


def post_worker_init(worker: Any) -> None:
    """After the fork: what needs threads and connections begins here."""
    extension = extension_of(worker.wsgi)
    _release_waiters_on_stop(extension)
    caretaker = Caretaker(extension.services, ProcessKind.API, extension.services.validation.lint_ahead)
    _caretakers[os.getpid()] = caretaker
    caretaker.start()


def worker_exit(_server: Any, worker: Any) -> None:
    caretaker = _caretakers.pop(os.getpid(), None)
    if caretaker is not None:
        caretaker.stop()
        extension_of(worker.wsgi).services.close()


def on_exit(_server: Any) -> None:
    measures.forget_shared()


def _release_waiters_on_stop(extension: Extension) -> None:
    """A request that waits for a job would hold a stopping worker until it is killed."""
    stop = signal.getsignal(signal.SIGTERM)

    def release_and_stop(number: int, frame: FrameType | None) -> None:
        extension.waiters.release_all()
        if callable(stop):
            stop(number, frame)

    signal.signal(signal.SIGTERM, release_and_stop)
