"""The producer half of the queue: a job's id to the workers, nothing else. The row is already committed."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

import structlog
from celery import Celery
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from app.domain.job import JobId

RUN_JOB = "liftlock.run_job"
QUEUE = "liftlock"
SOCKET_OPTIONS = {
    # the worker's loop stands still while it waits on a half-open connection: shorter is back sooner
    "socket_timeout": 5,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    # a half-open connection would otherwise hang for ever
    "health_check_interval": 5,
    "retry_on_timeout": False,
}

PATIENCE_S = 1.0
"""Whoever rings waits no longer: a Redis that takes connections and says nothing would hold up each request."""
_AT_ONCE = 2

log = structlog.get_logger()


class CeleryDoorbell:
    """Implements ports.Doorbell: publishing is best effort with one retry; the sweeper rings again.

    A ring that nobody waits for any more goes on, and may be heard yet. While all that can be under way are such ones,
    nobody is made to wait behind them.
    """

    def __init__(self, broker_url: str) -> None:
        self._app = Celery("liftlock", broker=broker_url, set_as_current=False)
        self._app.conf.update(
            task_ignore_result=True,
            task_default_queue=QUEUE,
            broker_transport_options=SOCKET_OPTIONS | {"socket_timeout": 3, "socket_connect_timeout": 2},
            broker_connection_retry=False,
            broker_pool_limit=_AT_ONCE,
        )
        self._threads = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="doorbell")
        self._left: set[Future[bool]] = set()

    async def ring(self, job_id: JobId) -> bool:
        if len(self._left) >= _AT_ONCE:
            return False
        publishing = self._threads.submit(self._publish, str(job_id))
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await asyncio.wrap_future(publishing)
        except TimeoutError:
            # what has not begun is cancelled with it
            if not publishing.done():
                log.warning("doorbell.silent", job=str(job_id))
                self._left.add(publishing)
                publishing.add_done_callback(self._left.discard)
            return False

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._app.close()

    def _publish(self, job_id: str) -> bool:
        try:
            self._app.send_task(
                RUN_JOB,
                kwargs={"job_id": job_id},
                retry=True,
                retry_policy={
                    "max_retries": 1,
                    "interval_start": 0,
                    "interval_step": 0.1,
                    "interval_max": 0.1,
                },
            )
        except (KombuError, RedisError, OSError, AttributeError) as error:
            # AttributeError: another thread's ring has failed and closed the connection that Celery shares between them
            log.warning("doorbell.unreachable", job=job_id, error=str(error))
            return False
        return True
