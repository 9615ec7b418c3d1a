"""A cancel that was sent for a script, and comes when it is over, does not meet what Liftlock does for itself."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.adapters.target import records
from app.adapters.target.fenced import FencedConnection
from app.adapters.target.schema_watch import SchemaWatch
from app.domain.job import JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers

pytestmark = pytest.mark.servers

CANCEL = "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(5)"
GOOD = "-- migrate:up\nCREATE TABLE good (id int);\n"
BAD = "-- migrate:up\nSELECT no_such_function();\n"


def cancelled_twice(work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """As it is, but that its connection, which it is given first, is cancelled the first two times."""
    times = iter(range(2))

    async def beset(*given: Any, **named: Any) -> Any:
        if next(times, None) is not None:
            connection = next(one for one in given if isinstance(one, asyncpg.Connection))
            await connection.fetch(CANCEL)
        return await work(*given, **named)

    return beset


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, shortcut=False) as it:
        yield it


def run(house: House, script: str) -> tuple[JobState, str, int]:
    house.write("1_it.sql", script)
    job = house.do()
    return job.state, job.reason, job.attempt


@pytest.mark.parametrize(
    ("where", "what", "script", "expected"),
    [
        (records, "pin", GOOD, (JobState.SUCCEEDED, "applied", 1)),
        (SchemaWatch, "keep", GOOD, (JobState.SUCCEEDED, "applied", 1)),
        (records, "write_failed", BAD, (JobState.FAILED, "sql_error", 1)),
    ],
)
def test_what_is_ours_is_done_again(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    where: Any,
    what: str,
    script: str,
    expected: tuple[JobState, str, int],
) -> None:
    monkeypatch.setattr(where, what, cancelled_twice(getattr(where, what)))
    assert run(house, script) == expected


def test_so_is_the_cleaning_between_two_steps(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, clean = FencedConnection._opened, FencedConnection.clean
    times = iter(range(2))

    async def beset(fenced: FencedConnection) -> None:
        if next(times, None) is not None:
            await (await opened(fenced)).fetch(CANCEL)
        await clean(fenced)

    monkeypatch.setattr(FencedConnection, "clean", beset)
    assert run(house, GOOD) == (JobState.SUCCEEDED, "applied", 1)


def test_what_goes_on_being_cancelled_is_given_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def always(_watch: SchemaWatch, connection: asyncpg.Connection) -> None:
        await connection.fetch(CANCEL)

    monkeypatch.setattr(SchemaWatch, "keep", always)
    house.write("1_it.sql", GOOD)
    job_id = house.submit().job.id
    house.perform(job_id)
    job = house.job(job_id)
    assert (job.state, job.reason) == (JobState.QUEUED, "backend_unavailable")
