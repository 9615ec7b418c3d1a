"""The doorbell is best effort: whatever becomes of it, the job is there and its sweeper rings again."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from celery import Celery
from redis.exceptions import ConnectionError as Unreachable

from app.adapters import queue
from app.adapters.queue import CeleryDoorbell
from app.domain.job import JobId
from tests.support.eventually import eventually


@contextmanager
def silent_server() -> Iterator[str]:
    """It takes connections and never answers, as a Redis that is stopped, or behind a network that drops packets."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Unreachable("refused"), id="Redis is away"),
        pytest.param(AttributeError("'NoneType' object has no attribute 'client'"), id="another ring has closed it"),
    ],
)
def test_a_ring_that_is_not_heard_is_no_error(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def unheard(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Celery, "send_task", unheard)

    async def rung() -> bool:
        doorbell = CeleryDoorbell("redis://127.0.0.1:1/0")
        try:
            return await doorbell.ring(JobId(UUID(int=1)))
        finally:
            await doorbell.close()

    assert asyncio.run(rung()) is False


def test_a_redis_that_takes_connections_and_says_nothing_holds_nobody_up_for_long() -> None:
    async def rung() -> list[bool]:
        with silent_server() as url:
            doorbell = CeleryDoorbell(url)
            try:
                async with asyncio.timeout(2.5):
                    return await asyncio.gather(*(doorbell.ring(JobId(UUID(int=number))) for number in range(50)))
            finally:
                await doorbell.close()

    assert asyncio.run(rung()) == [False] * 50


def test_behind_rings_that_nobody_waits_for_any_more_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    async def rung() -> bool:
        with silent_server() as url:
            doorbell = CeleryDoorbell(url)
            try:
                monkeypatch.setattr(queue, "PATIENCE_S", 0.01)
                await asyncio.gather(*(doorbell.ring(JobId(UUID(int=number))) for number in range(2)))
                monkeypatch.setattr(queue, "PATIENCE_S", 600)
                async with asyncio.timeout(1):
                    return await doorbell.ring(JobId(UUID(int=3)))
            finally:
                await doorbell.close()

    assert asyncio.run(rung()) is False


def test_a_ring_that_nobody_waits_for_is_heard_all_the_same_and_the_next_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_publish, published = threading.Event(), []

    def publish(*_: object, kwargs: dict[str, str], **__: object) -> None:
        assert may_publish.wait(10)
        published.append(kwargs["job_id"])

    monkeypatch.setattr(Celery, "send_task", publish)
    first, second, third = (JobId(UUID(int=number)) for number in range(3))

    async def rung() -> list[bool]:
        doorbell = CeleryDoorbell("redis://127.0.0.1:1/0")
        try:
            monkeypatch.setattr(queue, "PATIENCE_S", 0.01)
            answers = await asyncio.gather(doorbell.ring(first), doorbell.ring(second))
            monkeypatch.setattr(queue, "PATIENCE_S", 10)
            may_publish.set()
            await asyncio.to_thread(eventually, lambda: not doorbell._left)
            return [*answers, await doorbell.ring(third)]
        finally:
            await doorbell.close()

    assert asyncio.run(rung()) == [False, False, True]
    assert sorted(published) == [str(one) for one in (first, second, third)]
