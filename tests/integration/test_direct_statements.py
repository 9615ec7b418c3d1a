"""Statements of every job: by keys whenever they are planned, on connections that nobody else is at work on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from sqlalchemy import text

from app.adapters.control import claims, direct, jobs, sweep
from app.adapters.control.direct import BY_KEYS, Direct, DirectConnections
from tests.support.eventually import eventually
from tests.support.house import installed_database
from tests.support.servers import Servers, fetch

pytestmark = pytest.mark.servers

PID = Direct(text("SELECT pg_backend_pid() AS pid"))
SLEEP = Direct(text("SELECT pg_sleep(:s)"))
WRONG = Direct(text("SELECT 1 / 0"))
ONE_PLACE, TWO_PLACES = 1, 2
SOON_S, LONG_S = 0.05, 5.0
OF_EVERY_JOB = {
    name: getattr(module, name)
    for module, names in (
        (claims, ("_CLAIM", "_STARTED", "_BEAT", "_FINISH", "_GIVE_BACK", "_RECORD")),
        (jobs, ("ADD", "_GET", "_OPEN_ON")),
        (sweep, ("_NEXT",)),
    )
    for name in names
}
KEYS = {
    "jobs": {"id", "target_id"}, "targets": {"id", "name"}, "job_events": {"job_id"}, "conflicts": {"job_id"},
    "job_steps": {"job_id"},
}  # fmt: skip


@pytest.fixture(scope="module")
def dsn(servers: Servers) -> str:
    return installed_database(servers)


@pytest.mark.parametrize("name", OF_EVERY_JOB)
def test_a_statement_of_every_job_finds_its_rows_by_a_key_though_its_tables_were_empty(dsn: str, name: str) -> None:
    sql, names = OF_EVERY_JOB[name]._compiled

    async def plan() -> list[str]:
        settings = {**BY_KEYS, "plan_cache_mode": "force_generic_plan"}
        connection = await asyncpg.connect(dsn, statement_cache_size=0, server_settings=settings)
        try:
            await connection.execute(f"PREPARE asked AS {sql}")
            rows = await connection.fetch(f"EXPLAIN (COSTS off) EXECUTE asked ({', '.join(['NULL'] * len(names))})")
            return [row[0].strip() for row in rows]
        finally:
            await connection.close()

    lines = asyncio.run(plan())
    for at, line in enumerate(lines):
        assert "Seq Scan" not in line and "Bitmap" not in line, "\n".join(lines)
        if "Index" in line and "Scan using" in line:
            # whatever it is, its first condition is on a key and not a filter
            assert lines[at + 1].startswith("Index Cond: ("), "\n".join(lines)
            key = lines[at + 1].removeprefix("Index Cond: ").lstrip("(").split(" ")[0]
            assert key in set().union(*KEYS.values()), "\n".join(lines)


@asynccontextmanager
async def connections(dsn: str, size: int, timeout_s: float = LONG_S) -> AsyncIterator[DirectConnections]:
    made = DirectConnections(lambda: asyncpg.connect(dsn), size, timeout_s)
    try:
        yield made
    finally:
        await made.close()


async def pid(made: DirectConnections) -> int:
    return int((await made.rows(PID, {}))[0]["pid"])


def story(dsn: str, size: int, told: Callable[[DirectConnections], Awaitable[None]], timeout_s: float = LONG_S) -> None:
    async def work() -> None:
        async with connections(dsn, size, timeout_s) as made:
            await told(made)

    asyncio.run(work())


async def has_gone(dsn: str, *backends: int) -> bool:
    there = "SELECT 1 FROM pg_stat_activity WHERE pid = ANY ($1)"
    return await asyncio.to_thread(eventually, lambda: not fetch(dsn, there, backends))


def test_one_connection_serves_one_after_the_other_and_two_at_once_have_two(dsn: str) -> None:
    async def told(made: DirectConnections) -> None:
        assert await pid(made) == await pid(made)
        assert len({*await asyncio.gather(pid(made), pid(made))}) == 2

    story(dsn, TWO_PLACES, told)


def test_there_are_no_more_than_it_has_places_for(dsn: str) -> None:
    async def told(made: DirectConnections) -> None:
        busy = asyncio.create_task(made.rows(SLEEP, {"s": 600.0}))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await pid(made)
        busy.cancel()
        with pytest.raises(asyncio.CancelledError):
            await busy
        assert await pid(made)

    story(dsn, ONE_PLACE, told, SOON_S)


def test_a_refused_statement_costs_no_connection(dsn: str) -> None:
    async def told(made: DirectConnections) -> None:
        first = await pid(made)
        with pytest.raises(asyncpg.DivisionByZeroError):
            await made.rows(WRONG, {})
        assert await pid(made) == first

    story(dsn, ONE_PLACE, told)


def test_one_that_was_cut_off_in_the_middle_is_not_used_again(dsn: str) -> None:
    async def told(made: DirectConnections) -> None:
        first = await pid(made)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(made.rows(SLEEP, {"s": 600.0}), SOON_S)
        assert await pid(made) != first
        assert await has_gone(dsn, first), "the server still sleeps for it"

    story(dsn, ONE_PLACE, told)


def test_what_is_cut_off_last_does_not_outlive_whom_it_was_for(dsn: str) -> None:
    seen: list[int] = []

    async def told(made: DirectConnections) -> None:
        seen.append(await pid(made))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(made.rows(SLEEP, {"s": 600.0}), SOON_S)

    story(dsn, ONE_PLACE, told)
    assert asyncio.run(has_gone(dsn, *seen))


def test_one_that_the_server_has_ended_is_not_used_again(dsn: str) -> None:
    async def told(made: DirectConnections) -> None:
        first = await pid(made)
        await asyncio.to_thread(fetch, dsn, "SELECT pg_terminate_backend($1, 5000)", first)
        found = 0
        for _ in range(2):
            # the driver may hear of its end only when it asks
            try:
                found = await pid(made)
            except (asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, OSError):
                continue
        assert found not in (0, first)

    story(dsn, ONE_PLACE, told)


def test_what_is_forgotten_is_closed_also_when_it_is_at_work(dsn: str) -> None:
    async def told(made: DirectConnections) -> None:
        resting, working = await asyncio.gather(pid(made), pid(made))
        at_work = asyncio.create_task(made.rows(Direct(text("SELECT pg_backend_pid() AS pid, pg_sleep(0.05)")), {}))
        await asyncio.sleep(0)
        made.forget()
        assert (await at_work)[0]["pid"] in (resting, working)
        assert await pid(made) not in (resting, working)
        assert await has_gone(dsn, resting, working)

    story(dsn, TWO_PLACES, told)


def test_one_that_is_cut_off_while_it_is_made_ready_is_closed(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[asyncpg.Connection] = []

    async def cut_off(connection: asyncpg.Connection, *_: object, **__: object) -> None:
        seen.append(connection)
        raise asyncio.CancelledError

    async def told(made: DirectConnections) -> None:
        with monkeypatch.context() as patched, pytest.raises(asyncio.CancelledError):
            patched.setattr(asyncpg.Connection, "set_type_codec", cut_off)
            await pid(made)
        assert [one.is_closed() for one in seen] == [True]
        assert await pid(made)

    story(dsn, ONE_PLACE, told)


def test_one_that_has_rested_for_long_is_made_anew(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def told(made: DirectConnections) -> None:
        first = await pid(made)
        monkeypatch.setattr(direct, "LONGEST_IDLE_S", -1)
        assert await pid(made) != first

    story(dsn, ONE_PLACE, told)
