"""Rows of a newer release, beside which this one works, or to which somebody has gone back: passed over, and kept."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.claim import ClaimRefusal, ClaimRefused
from app.domain.job import JobId
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, value

pytestmark = pytest.mark.servers

DUE_LONG_AGO = """
    INSERT INTO liftlock_control.schedules (name, kind, every, next_due)
    VALUES ('a-newer-one', 'a_newer_one', interval '1 hour', clock_timestamp() - interval '1 minute')
"""
QUEUED = """
    WITH queue AS (
        INSERT INTO liftlock_control.targets (name) VALUES ('development')
        ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id)
    INSERT INTO liftlock_control.jobs
        (id, seq, target_id, kind, request, reason, message, principal_id, principal_kind)
    SELECT $1, nextval('liftlock_control.job_seq'), queue.id, 'a_newer_one',
           '{"kind": "a_newer_one", "environment": "development"}', 'for_worker', 'it waits', 'anonymous', 'anonymous'
    FROM queue
"""
OPEN = """
    INSERT INTO liftlock_control.conflicts (id, kind, environment, message, evidence, answer, fingerprint, state)
    VALUES ($1, 'a_newer_one', 'development', 'they disagree', '{}', 'put on record', 'newer', 'open')
"""
PAGES = (
    "/jobs", "/history", "/schedules", "/migrations/conflicts", "/environments?status=true", "/matrix", "/migrations",
    "/metrics", "/environments/development/status",
)  # fmt: skip


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder) as it:
        yield it


def test_a_schedule_of_a_newer_release_keeps_none_of_ours_from_its_turn(house: House) -> None:
    house.run_async(house.services.schedules.configure())
    execute(house.dsn, DUE_LONG_AGO)
    execute(house.dsn, "UPDATE liftlock_control.schedules SET next_due = clock_timestamp() WHERE name = 'rescue'")
    house.run_async(house.services.schedules.tick())
    assert value(house.dsn, "SELECT schedule FROM liftlock_control.jobs") == "rescue"
    assert house.http("POST", "/schedules/a-newer-one/pause").status_code == 404
    kept = "SELECT paused FROM liftlock_control.schedules WHERE name = 'a-newer-one' AND last_job IS NULL"
    assert value(house.dsn, kept) is False


def test_a_job_of_a_newer_release_is_left_in_the_queue_for_a_worker_that_knows_it(house: House) -> None:
    newer = JobId(uuid.uuid4())
    execute(house.dsn, QUEUED, newer)
    refused = house.run_async(house.services.runner._claims.claim(newer, "worker", 1_000))
    assert isinstance(refused, ClaimRefused) and refused.why is ClaimRefusal.NEWER_RELEASE
    house.run_async(house.services.runner.perform(newer))
    assert value(house.dsn, "SELECT attempt FROM liftlock_control.jobs WHERE state = 'queued' AND id = $1", newer) == 0
    assert value(house.dsn, "SELECT count(*) FROM liftlock_control.conflicts") == 0


def test_lists_pass_over_what_a_newer_release_has_left(house: House) -> None:
    newer, conflict = uuid.uuid4(), uuid.uuid4()
    execute(house.dsn, QUEUED, newer)
    execute(house.dsn, OPEN, conflict)
    execute(house.dsn, DUE_LONG_AGO)
    answers = {path: house.http("GET", path).status_code for path in PAGES}
    assert answers == dict.fromkeys(PAGES, 200)
    assert house.http("GET", f"/jobs/{newer}").status_code == 404
    assert house.http("GET", f"/migrations/conflicts/{conflict}").status_code == 404


def test_what_somebody_asks_for_waits_behind_a_job_of_a_newer_release(house: House) -> None:
    house.write("1_a.sql", "-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:down\nDROP TABLE a;\n")
    execute(house.dsn, QUEUED, uuid.uuid4())
    asked = house.submit().job
    assert not house.perform(asked.id).state.final
    assert house.http("GET", f"/jobs/{asked.id}").status_code == 200
