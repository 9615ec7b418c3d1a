"""The Celery application: `celery --app worker.celery worker`. Each line of its configuration has its reason."""

import functools
import logging
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from celery import Celery
from celery.signals import setup_logging, worker_init, worker_process_init, worker_process_shutdown, worker_shutdown

from app import logs, measures
from app.adapters.queue import QUEUE, SOCKET_OPTIONS
from app.domain.errors import ConfigurationInvalid
from app.garbage import settle
from app.settings import Settings, load_settings
from worker import metrics, stopping
from worker.schedule import beat_schedule

if TYPE_CHECKING:
    from app.caretaker import Caretaker
    from app.wiring import Services


def _settings() -> Settings:
    try:
        return load_settings()
    except ConfigurationInvalid as error:
        print(error.detail, file=sys.stderr)  # noqa: T201 - nothing else runs yet
        raise SystemExit(78) from None


settings = _settings()
app = Celery("liftlock", broker=settings.redis_url, include=["worker.tasks"])
app.conf.update(
    # the message of a dead worker comes back; nothing is acknowledged before its job is over
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # one job at a time: a long one must not sit on the messages of short ones
    worker_prefetch_multiplier=1,
    # the job row is the result
    task_ignore_result=True,
    result_backend=None,
    # nothing that arrives is ever unpickled
    task_serializer="json",
    accept_content=["json"],
    task_default_queue=QUEUE,
    broker_transport_options={
        **SOCKET_OPTIONS,
        # there is no task time limit; a redelivery while the attempt lives is dropped, so this may be generous
        "visibility_timeout": 3600,
        # else a killed worker's message comes back after 100 s instead of 16
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
    },
    # READONLY in a failover would otherwise end the worker
    broker_channel_error_retry=True,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # the default turns in Celery 6: a blip of the broker must not kill a migration
    worker_cancel_long_running_tasks_on_connection_loss=False,
    # how long a stopping worker lets its migrations go on, if they take so long
    worker_soft_shutdown_timeout=15,
    # liveness is the job row's lease, not the broker's gossip
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    # beat only ticks: it needs no memory of its own
    beat_scheduler="celery.beat:Scheduler",
    beat_schedule=beat_schedule(),
    timezone="UTC",
)
stopping.end_with_the_last_job(app)

_metrics: list["subprocess.Popen[bytes]"] = []


@functools.cache
def services() -> "Services":
    """This pool process's own: made after the fork, never in Celery's parent."""
    from app.wiring import build

    return build(settings)


@functools.cache
def _caretaker() -> "Caretaker":
    from app.caretaker import Caretaker
    from app.domain.census import ProcessKind

    return Caretaker(services(), ProcessKind.WORKER)


@setup_logging.connect
def _configure_logging(**_: Any) -> None:
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logs.configure_logs(settings.log_level)


@worker_init.connect
def _load_before_the_fork(**_: Any) -> None:
    """What the pool's processes need is loaded once and shared by them; beat, which only ticks, never loads it."""
    import app.caretaker  # noqa: F401

    measures.share_among_children()
    if settings.metrics_port:
        _metrics.append(metrics.start(settings.metrics_host, settings.metrics_port))
    settle()


@worker_shutdown.connect
def _end_metrics(**_: Any) -> None:
    for child in _metrics:
        child.kill()
    measures.forget_shared()


@worker_process_init.connect
def _start(**_: Any) -> None:
    _caretaker().start()


@worker_process_shutdown.connect
def _stop(**_: Any) -> None:
    _caretaker().stop()
    services().close()
