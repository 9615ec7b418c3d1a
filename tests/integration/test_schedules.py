"""Schedules on real servers: many tick, one job starts; chores are done and leave no clutter."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from uuid import UUID

import pytest

from app.domain.job import JobId, JobKind, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, value

pytestmark = pytest.mark.servers

JOBS = "SELECT count(*) FROM liftlock_control.jobs WHERE schedule = 'rescue'"
DUE = "UPDATE liftlock_control.schedules SET next_due = clock_timestamp() - interval '1 s' WHERE name = $1"


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder) as opened:
        yield opened


def tick(house: House) -> None:
    house.run_async(house.services.schedules.tick())


def started(house: House, kind: JobKind) -> JobId:
    sql = "SELECT id FROM liftlock_control.jobs WHERE kind = $1 ORDER BY id DESC LIMIT 1"
    return JobId(UUID(str(value(house.dsn, sql, kind.value))))


def test_five_that_tick_at_once_start_one_job(house: House, servers: Servers) -> None:
    execute(house.dsn, DUE, "rescue")
    together = Barrier(5)

    def ticking(_: int) -> None:
        with open_house(servers, house.folder, house.dsn) as beside:
            together.wait(20)
            for _again in range(3):
                tick(beside)

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(ticking, range(5)))

    assert value(house.dsn, JOBS) == 1


def test_a_tick_of_the_same_moment_is_refused_by_the_table_itself(house: House) -> None:
    moment = value(house.dsn, "SELECT next_due - every FROM liftlock_control.schedules WHERE name = 'rescue'")
    again = "UPDATE liftlock_control.schedules SET next_due = $1 WHERE name = 'rescue'"
    for _ in range(2):
        # as if the move to the next moment had been lost
        execute(house.dsn, again, moment)
        execute(house.dsn, "UPDATE liftlock_control.schedules SET next_due = next_due - interval '1 h'")
        tick(house)
        house.perform(started(house, JobKind.RESCUE))

    assert value(house.dsn, JOBS) == 1


def test_a_day_of_downtime_is_made_up_for_once(house: House) -> None:
    execute(house.dsn, "UPDATE liftlock_control.schedules SET next_due = next_due - interval '1 day'")

    for _ in range(3):
        tick(house)
        house.perform(started(house, JobKind.RESCUE))

    assert value(house.dsn, JOBS) == 1
    ahead = "next_due BETWEEN clock_timestamp() AND clock_timestamp() + every"
    assert value(house.dsn, f"SELECT bool_and({ahead}) FROM liftlock_control.schedules") is True


def test_a_purge_that_finds_something_is_a_job_like_others_and_one_that_does_not_is_not_listed(house: House) -> None:
    execute(house.dsn, DUE, "purge")
    tick(house)
    assert house.perform(started(house, JobKind.PURGE)).reason == "nothing_to_do"
    assert house.http("GET", "/jobs").get_json() == []

    house.http("POST", "/migrations/run", headers={"Idempotency-Key": "old"})
    execute(house.dsn, "UPDATE liftlock_control.idempotency_keys SET expires_at = clock_timestamp() - interval '1 s'")
    execute(house.dsn, DUE, "purge")
    tick(house)
    job = house.perform(started(house, JobKind.PURGE))

    assert (job.state, job.message) == (JobState.SUCCEEDED, "1 idempotency key deleted whose time was over")
    assert [one["kind"] for one in house.http("GET", "/jobs").get_json()] == ["purge", "run"]


def test_a_rescue_gives_back_what_a_dead_worker_held(house: House) -> None:
    house.write("1_a.sql", "-- migrate:up\nCREATE TABLE a (id int);\n")
    job_id = house.submit().job.id
    assert house.run_async(house.services.runner._claims.claim(job_id, "dead", 30_000))
    execute(house.dsn, "UPDATE liftlock_control.jobs SET lease_until = clock_timestamp() - interval '1 s'")
    execute(house.dsn, DUE, "rescue")
    tick(house)

    rescue = house.perform(started(house, JobKind.RESCUE))

    assert rescue.message == "1 job given back whose worker had stopped answering"
    assert house.perform(job_id).state is JobState.SUCCEEDED


def test_a_schedule_is_paused_resumed_and_run_by_hand_over_http(house: House) -> None:
    assert house.http("POST", "/schedules/rescue/pause").get_json()["paused"] is True
    execute(house.dsn, DUE, "rescue")
    tick(house)
    assert value(house.dsn, JOBS) == 0

    answered = house.http("POST", "/schedules/rescue/run", json={"note": "to be sure"})
    assert answered.status_code == 202
    job = house.perform(JobId(UUID(answered.get_json()["id"])))
    assert (job.state, job.reason, job.request.note) == (JobState.SUCCEEDED, "nothing_to_do", "to be sure")
    assert [one["id"] for one in house.http("GET", "/jobs").get_json()] == [str(job.id)]
    assert house.http("GET", "/schedules/rescue").get_json()["lastJobId"] == str(job.id)

    assert house.http("POST", "/schedules/rescue/resume").get_json()["paused"] is False
    tick(house)
    assert value(house.dsn, JOBS) == 1
    trail = fetch(house.dsn, "SELECT action, subject FROM liftlock_control.audit ORDER BY id")
    assert [row["action"] for row in trail] == ["schedules.pause", "schedules.run", "schedules.resume"]


def test_jobs_are_kept_for_ever_but_for_ticks_that_came_to_nothing(house: House) -> None:
    import asyncpg

    house.write("1_a.sql", "-- migrate:up\nCREATE TABLE a (id int);\n")
    house.do()
    with pytest.raises(asyncpg.PostgresError, match="kept for ever"):
        execute(house.dsn, "DELETE FROM liftlock_control.job_steps; DELETE FROM liftlock_control.jobs")
