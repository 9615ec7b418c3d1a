"""A worker may die at any moment of an answer: the ledger and the log say the same in the end, and say it once."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app.domain.job import JobId, JobState
from tests.integration.test_answers import ONE, TWO, refused_run, resolve, the_open_one
from tests.support.dying import Died, Mortal, make_mortal
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, value

pytestmark = pytest.mark.servers

FULL = os.environ.get("LIFTLOCK_CHAOS") == "full"
"""Every moment in `make chaos`, every fourth elsewhere."""

MOST_MOMENTS = 200


def accept_another_edit(house: House, at: int) -> JobId:
    house.write("1_one.sql", ONE.replace("id int", f"id int, c{at} int"))
    refused_run(house)
    answered = resolve(house, the_open_one(house, "checksum_mismatch"), "accept_file")
    return JobId(UUID(answered.get_json()["id"]))


def release_another_job(house: House, at: int) -> JobId:
    holding = "UPDATE liftlock.fence SET holder = $1, job_id = $1, attempt = 3, acquired_at = now() WHERE scope = ''"
    execute(house.dsn, holding, uuid4())
    house.write(f"{at + 2}_three{at}.sql", TWO.replace("two", f"three{at}"))
    house.perform(house.submit().job.id)
    answered = resolve(house, the_open_one(house, "stranded_target"), "release_target")
    return JobId(UUID(answered.get_json()["id"]))


@pytest.mark.parametrize(("answer", "event"), [(accept_another_edit, 1), (release_another_job, 0)])
def test_a_worker_may_die_at_any_moment_of_an_answer(
    servers: Servers, folder: Path, monkeypatch: pytest.MonkeyPatch, answer: Callable[[House, int], JobId], event: int
) -> None:
    with open_house(servers, folder) as house:
        house.write("1_one.sql", ONE)
        house.do()
        for at in range(1, MOST_MOMENTS, 1 if FULL else 4):
            job_id = answer(house, at)
            life = Mortal(at)
            with monkeypatch.context() as patch:
                make_mortal(patch, life)
                with contextlib.suppress(Died, asyncio.CancelledError):
                    house.perform(job_id)
            if not life.dead:
                break
            assert_said_once(house, job_id, event, life.where)
            end_what_waits(house)
        assert at > 10


def assert_said_once(house: House, job_id: JobId, event: int, where: str) -> None:
    lapse = "UPDATE liftlock_control.jobs SET lease_until = clock_timestamp() - interval '1 s' WHERE state = 'running'"
    execute(house.dsn, lapse)
    house.services.sweeper_portal.run(house.services.sweeper.sweep())
    job = house.perform(job_id)
    assert job.state is JobState.SUCCEEDED, (where, job)
    said = "SELECT count(*) FROM liftlock.migration_events WHERE job_id = $1 AND event = 'resolved'"
    assert value(house.dsn, said, job_id) == event, where
    closed = "SELECT count(*) FROM liftlock_control.conflicts WHERE resolved_by_job = $1 AND state = 'resolved'"
    assert value(house.dsn, closed, job_id) == 1, where
    assert value(house.dsn, "SELECT job_id FROM liftlock.fence WHERE scope = ''") is None, where


def end_what_waits(house: House) -> None:
    for waiting in house.run_async(house.services.board.open_on("development")):
        assert house.perform(waiting.id).state is JobState.SUCCEEDED
