"""The real Celery worker: it takes jobs by their id, and nothing is lost when it, or Redis, dies."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from redis import Redis

from app.adapters.queue import QUEUE, RUN_JOB
from app.domain.job import JobState
from tests.support.eventually import eventually
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, is_asleep, value
from tests.support.worker import celery_worker, kill_pool_process
from worker.schedule import TICK, beat_schedule

pytestmark = [pytest.mark.servers, pytest.mark.stack]

SLOW = """\
-- migrate:up
INSERT INTO effects VALUES ('slow');
SELECT pg_sleep({seconds});
"""


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder) as opened:
        execute(opened.dsn, "CREATE TABLE effects (name text)")
        yield opened


def test_a_worker_takes_a_job_by_its_id(house: House, tmp_path: Path) -> None:
    house.write("1_a.sql", "-- migrate:up\nINSERT INTO effects VALUES ('a');\n")

    with celery_worker(house, tmp_path / "worker.log"):
        job_id = house.submit().job.id
        job = eventually(lambda: house.job(job_id) if house.job(job_id).state.final else None)

    assert job.state is JobState.SUCCEEDED, (tmp_path / "worker.log").read_text()


def test_a_tick_starts_what_is_due_and_a_worker_does_it(house: House, tmp_path: Path) -> None:
    execute(house.dsn, "UPDATE liftlock_control.schedules SET next_due = clock_timestamp() WHERE name = 'purge'")
    beat = Celery("beat", broker=house.services.settings.redis_url, set_as_current=False)

    with celery_worker(house, tmp_path / "worker.log"):
        for _ in range(2):
            beat.send_task(TICK, queue=QUEUE)
        ended = "SELECT 1 FROM liftlock_control.jobs WHERE kind = 'purge' AND state = 'succeeded'"
        eventually(lambda: fetch(house.dsn, ended))
    beat.close()

    assert value(house.dsn, "SELECT count(*) FROM liftlock_control.jobs") == 1, (tmp_path / "worker.log").read_text()


def test_a_control_database_that_is_away_is_said_in_a_line_and_no_crash(house: House, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    ringing = Celery("ringing", broker=house.services.settings.redis_url, set_as_current=False)

    with celery_worker(house, log):
        job_id = house.submit().job.id
        eventually(lambda: house.job(job_id).state.final)
        execute(house.dsn, "ALTER SCHEMA liftlock_control RENAME TO away")
        ringing.send_task(TICK, queue=QUEUE)
        ringing.send_task(RUN_JOB, kwargs={"job_id": str(job_id)}, queue=QUEUE)
        eventually(lambda: "job.left" in log.read_text())
        execute(house.dsn, "ALTER SCHEMA away RENAME TO liftlock_control")
    ringing.close()

    assert "Traceback" not in log.read_text()


def test_beat_only_ticks() -> None:
    (entry,) = beat_schedule().values()
    assert entry["task"] == TICK
    assert entry["options"]["expires"] <= entry["schedule"]


def test_jobs_queued_when_redis_is_flushed_run_all_the_same(house: House, tmp_path: Path) -> None:
    house.write("1_a.sql", "-- migrate:up\nINSERT INTO effects VALUES ('a');\n")
    job_ids = [house.submit().job.id for _ in range(3)]
    Redis.from_url(house.services.settings.redis_url).flushall()
    execute(house.dsn, "UPDATE liftlock_control.jobs SET next_dispatch_at = clock_timestamp()")

    with celery_worker(house, tmp_path / "worker.log"):
        eventually(lambda: all(house.job(job_id).state.final for job_id in job_ids))

    assert [house.job(job_id).state for job_id in job_ids] == [JobState.SUCCEEDED] * 3
    assert value(house.dsn, "SELECT count(*) FROM effects") == 1


def test_a_worker_killed_in_the_middle_of_a_step_is_replaced_and_the_step_runs_once(
    house: House, tmp_path: Path
) -> None:
    house.write("1_slow.sql", SLOW.format(seconds=2))

    with celery_worker(house, tmp_path / "worker.log"):
        job_id = house.submit().job.id
        eventually(lambda: is_asleep(house.dsn))
        kill_pool_process(house)
        job = eventually(lambda: house.job(job_id) if house.job(job_id).state.final else None, within_s=40)

    assert job.state is JobState.SUCCEEDED, (tmp_path / "worker.log").read_text()
    assert job.attempt >= 2
    assert value(house.dsn, "SELECT count(*) FROM effects") == 1


def test_a_migration_that_outlives_its_lease_many_times_is_one_attempt(house: House, tmp_path: Path) -> None:
    house.write("1_slow.sql", SLOW.format(seconds=5))

    with celery_worker(house, tmp_path / "worker.log"):
        job_id = house.submit().job.id
        job = eventually(lambda: house.job(job_id) if house.job(job_id).state.final else None, within_s=40)

    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1), (tmp_path / "worker.log").read_text()


def test_what_is_rung_while_a_worker_stops_is_left_for_another_one(house: House, tmp_path: Path) -> None:
    house.write("1_slow.sql", SLOW.format(seconds=1.5))
    log = tmp_path / "worker.log"

    with celery_worker(house, log) as process, Redis.from_url(house.services.settings.redis_url) as redis:
        job_id = house.submit().job.id
        eventually(lambda: is_asleep(house.dsn))
        process.terminate()
        eventually(lambda: "told to stop" in log.read_text())
        house.run_async(house.services.runner._doorbell.ring(job_id))
        left = redis.llen(QUEUE)
        process.wait(12)

    assert left == 1, log.read_text()
    assert house.job(job_id).state is JobState.SUCCEEDED


def test_a_worker_that_is_asked_to_stop_ends_its_step_first(house: House, tmp_path: Path) -> None:
    house.write("1_slow.sql", SLOW.format(seconds=1.5))

    with celery_worker(house, tmp_path / "worker.log") as process:
        job_id = house.submit().job.id
        eventually(lambda: is_asleep(house.dsn))
        process.terminate()
        # less than a worker would wait for a job that does not end
        process.wait(12)

    job = house.job(job_id)
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
