"""A Celery app whose only task does nothing: what a round trip through the same queue takes.

Once as Celery means it, with its result backend on the same server, and once with the least that can bring an
answer back: the task pushes to a list that the client waits on.
"""

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from celery import Celery

from bench.stack import child, own_environment

QUEUE = "bench"
ANSWER_S = 10
BROKER_VARIABLE = "BENCH_BROKER"

broker = os.environ.get(BROKER_VARIABLE, "redis://127.0.0.1:6379/0")
app = Celery("bench", broker=broker, set_as_current=False)
app.conf.update(
    # as Liftlock's worker has it, so that the same work is done for an answer
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    result_backend=broker,
    task_serializer="json",
    accept_content=["json"],
    task_default_queue=QUEUE,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
)
_answers: list[redis.Redis] = []


@app.task(name="bench.nothing")
def nothing() -> None:
    pass


@app.task(name="bench.answer", ignore_result=True)
def answer(key: str) -> None:
    if not _answers:
        _answers.append(redis.Redis.from_url(broker))
    _answers[0].lpush(key, "done")


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Each sends a task and returns when it has been carried out: `whole` is `delay().get()`."""

    whole: Callable[[], None]
    least: Callable[[], None]


@contextmanager
def answering_worker(folder: Path, broker_url: str) -> Iterator[RoundTrips]:
    command = [sys.executable, "-m", "celery", "--app", "bench.empty_task", "worker"]
    options = ["--concurrency", "2", "--loglevel", "WARNING"]
    producer = Celery("bench-client", broker=broker_url, backend=broker_url, set_as_current=False)
    producer.conf.update(task_default_queue=QUEUE, task_serializer="json")
    client: redis.Redis = redis.Redis.from_url(broker_url)

    def whole() -> None:
        producer.send_task("bench.nothing").get(timeout=ANSWER_S)

    def least() -> None:
        key = f"bench:{uuid.uuid4()}"
        producer.send_task("bench.answer", args=(key,), ignore_result=True)
        if client.blpop([key], timeout=ANSWER_S) is None:
            raise RuntimeError("the empty task was not carried out")

    environment = own_environment() | {BROKER_VARIABLE: broker_url}
    with child([*command, *options], environment, folder / "empty_task.log"):
        try:
            for _ in range(20):  # the first waits for the worker's start; both pool processes get warm
                least()
                whole()
            yield RoundTrips(whole, least)
        finally:
            client.close()
            producer.close()
