"""The doorbell is best effort: whatever becomes of it, the job is there and its sweeper rings again."""

import asyncio
from uuid import UUID

import pytest
from celery import Celery
from redis.exceptions import ConnectionError as Unreachable

from app.adapters.queue import CeleryDoorbell
from app.domain.job import JobId


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
