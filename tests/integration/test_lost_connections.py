"""Servers that were away for a moment, as for a restart or a failover."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.adapters.control import database as control
from app.adapters.control.database import ControlDatabase
from app.adapters.control.direct import Direct
from app.domain.environment import Dsn, Environment
from app.domain.errors import BackendUnavailable
from app.domain.job import JobState
from tests.support.house import open_house
from tests.support.servers import Servers, execute

pytestmark = pytest.mark.servers

END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'liftlock:control'"


def test_whoever_asks_next_is_answered_over_a_new_connection(servers: Servers) -> None:
    assert asyncio.run(answers_after_all_have_ended(servers.new_database())) == [1, 2]


async def answers_after_all_have_ended(dsn: str) -> list[int]:
    database, other = ControlDatabase(Dsn(dsn)), await asyncpg.connect(dsn)
    try:
        async with database.single() as first, database.single() as second:
            raw = [await one.get_raw_connection() for one in (first, second)]
            drivers = [one.driver_connection for one in raw]
        await other.execute(f"{END_ALL} AND datname = current_database()")
        async with asyncio.timeout(10):
            while not all(driver is not None and driver.is_closed() for driver in drivers):
                await other.fetchval("SELECT 1")
        async with database.single() as connection:
            one = (await connection.execute(text("SELECT 1"))).scalar_one()
        async with database.begin() as connection:
            return [one, (await connection.execute(text("SELECT 2"))).scalar_one()]
    finally:
        await other.close()
        await database.close()


def test_what_the_role_or_the_database_limits_statements_to_holds_not_for_them(servers: Servers) -> None:
    dsn = servers.new_database()
    name = f'"{Dsn(dsn).database}"'
    execute(dsn, f"ALTER DATABASE {name} SET statement_timeout = 1; ALTER DATABASE {name} SET lock_timeout = 1")
    assert asyncio.run(both_ways(dsn, "SELECT pg_sleep(0.05)")) == 2


def test_a_statement_that_nobody_ends_any_more_is_ended_by_the_server(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(control._OURS, "statement_timeout", "50ms")
    with pytest.raises((asyncpg.QueryCanceledError, DBAPIError), match="statement timeout"):
        asyncio.run(both_ways(servers.new_database(), "SELECT pg_sleep(600)"))


@pytest.mark.parametrize(("state", "said"), [("53100", "its disk is full"), ("53200", "its server is out of memory")])
def test_that_it_has_no_room_is_said_and_no_crash(servers: Servers, state: str, said: str) -> None:
    refuse = f"DO $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '{state}', HINT = 'none'; END $$"
    dsn = servers.new_database()
    for way in (one_way, other_way):
        with pytest.raises(BackendUnavailable, match=rf"{said} \(no room\); .* then ask again"):
            asyncio.run(way(dsn, refuse))


def test_of_several_servers_the_one_that_answers_is_worked_with(servers: Servers, folder: Path) -> None:
    shop = _after_one_that_is_away(servers.new_database())
    with open_house(servers, folder, environments={"development": Environment("development", Dsn(shop))}) as house:
        house.write("1_a.sql", "-- migrate:up\nCREATE TABLE a (id int);\n")
        assert house.do().state is JobState.SUCCEEDED
        assert [one["status"] for one in house.http("GET", "/migrations").get_json()] == ["completed"]
        assert asyncio.run(both_ways(_after_one_that_is_away(house.dsn), "SELECT 1")) == 2


def _after_one_that_is_away(dsn: str) -> str:
    account, _, server = dsn.rpartition("@")
    return f"{account}@127.0.0.1:1,{server}"


async def both_ways(dsn: str, sql: str) -> int:
    """How many of the two ways to the control database have answered it."""
    return await one_way(dsn, sql) + await other_way(dsn, sql)


async def one_way(dsn: str, sql: str) -> int:
    asked = ControlDatabase(Dsn(dsn))
    try:
        return len(await asked.rows(Direct(text(sql)), {}))
    finally:
        await asked.close()


async def other_way(dsn: str, sql: str) -> int:
    asked = ControlDatabase(Dsn(dsn))
    try:
        async with asked.begin() as connection:
            return len((await connection.execute(text(sql))).all())
    finally:
        await asked.close()


def test_a_job_that_has_waited_long_for_its_turn_still_waits_for_a_target_that_is_away(
    servers: Servers, folder: Path
) -> None:
    nowhere = {"development": Environment("development", Dsn("postgresql://nobody@127.0.0.1:1/nowhere"))}
    with open_house(servers, folder, environments=nowhere) as house:
        job = house.submit().job
        execute(house.dsn, "UPDATE liftlock_control.jobs SET created_at = created_at - interval '3 days'")
        for _ in range(2):
            tried = house.perform(job.id)
            assert (tried.state, tried.reason) == (JobState.QUEUED, "target_unreachable")
        execute(
            house.dsn, "UPDATE liftlock_control.job_events SET at = at - interval '61 min' WHERE reason LIKE 'tar%'"
        )
        assert house.perform(job.id).state is JobState.FAILED


def test_a_target_that_was_reached_in_between_is_waited_for_anew(servers: Servers, folder: Path) -> None:
    nowhere = {"development": Environment("development", Dsn("postgresql://nobody@127.0.0.1:1/nowhere"))}
    with open_house(servers, folder, environments=nowhere) as house:
        job = house.submit().job
        house.perform(job.id)
        execute(
            house.dsn,
            "INSERT INTO liftlock_control.job_events (job_id, from_state, to_state, attempt, reason) "
            "VALUES ($1, 'running', 'queued', 1, 'for_target')",
            job.id,
        )
        execute(
            house.dsn, "UPDATE liftlock_control.job_events SET at = at - interval '61 min' WHERE reason LIKE 'tar%'"
        )
        assert house.perform(job.id).state is JobState.QUEUED
