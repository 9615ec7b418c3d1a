"""The main job, in one process, on real servers: run, look, roll back, reset."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.job import JobKind, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, fetch, value

pytestmark = pytest.mark.servers

USERS = """\
-- name: users
-- version: 1
-- migrate:up
CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL);
CREATE INDEX users_email ON users (email);
-- migrate:down
DROP TABLE users;
"""

ORDERS = """\
-- name: orders
-- version: 2
-- dependencies: users
-- migrate:up
CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users);
-- migrate:down
DROP TABLE orders;
-- migrate:verify
SELECT to_regclass('orders') IS NOT NULL;
"""


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder) as opened:
        opened.write("1_users.sql", USERS)
        opened.write("2_orders.sql", ORDERS)
        yield opened


def test_a_run_applies_everything_in_order_and_records_it(house: House) -> None:
    job = house.do()

    assert (job.state, job.reason) == (JobState.SUCCEEDED, "applied"), job
    assert [step.name for step in job.steps] == ["users", "orders"]
    assert house.statuses() == {"users": "completed", "orders": "completed"}
    assert value(house.dsn, "SELECT to_regclass('orders')::text") == "orders"


def test_a_second_run_has_nothing_to_do_and_is_over_at_once(house: House) -> None:
    house.do()

    assert house.submit().job.reason == "nothing_to_do"


def test_a_rollback_undoes_the_newest_and_a_run_applies_it_again(house: House) -> None:
    house.do()

    assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED
    assert house.statuses() == {"users": "completed", "orders": "rolled_back"}
    assert value(house.dsn, "SELECT to_regclass('orders')::text") is None
    house.do()
    assert house.statuses() == {"users": "completed", "orders": "completed"}


def test_a_reset_undoes_everything(house: House) -> None:
    house.do()

    job = house.do(JobKind.RESET)

    assert job.state is JobState.SUCCEEDED
    assert [step.name for step in job.steps] == ["orders", "users"]
    assert value(house.dsn, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


def test_a_failing_step_says_where_and_leaves_nothing(house: House) -> None:
    house.write("3_bad.sql", "-- migrate:up\nCREATE TABLE half (id int);\nSELECT 1;\nALTER TABLE nope ADD x int;\n")

    job = house.do()

    assert job.state is JobState.FAILED
    assert job.error is not None
    assert (job.error.file, job.error.line, job.error.sqlstate) == ("3_bad.sql", 4, "42P01")
    assert house.statuses() == {"users": "completed", "orders": "completed", "bad": "failed"}
    assert value(house.dsn, "SELECT to_regclass('half')::text") is None


def test_on_failure_rollback_takes_back_the_steps_before_it(house: House) -> None:
    from app.domain.environment import OnFailure

    house.write("3_bad.sql", "-- migrate:up\nALTER TABLE nope ADD x int;\n")

    job = house.do(on_failure=OnFailure.ROLLBACK)

    assert job.state is JobState.FAILED
    assert house.statuses() == {"users": "rolled_back", "orders": "rolled_back", "bad": "failed"}
    assert [(step.name, step.direction, step.state.value) for step in job.steps][2:] == [
        ("bad", "up", "failed"),
        ("orders", "down", "applied"),
        ("users", "down", "applied"),
    ]


def test_an_atomic_run_is_all_or_nothing(house: House) -> None:
    from app.domain.step import Atomicity

    bad = house.write("3_bad.sql", "-- migrate:up\nALTER TABLE nope ADD x int;\n")

    assert house.do(atomic=Atomicity.RUN).state is JobState.FAILED
    assert value(house.dsn, "SELECT to_regclass('users')::text") is None
    bad.unlink()
    assert house.do(atomic=Atomicity.RUN).state is JobState.SUCCEEDED
    assert value(house.dsn, "SELECT to_regclass('orders')::text") == "orders"


def test_what_a_job_has_settled_is_closed_when_it_ends(house: House) -> None:
    """Two files that touch one table are told apart by having run."""
    house.write("7_a.sql", "-- migrate:up\nCREATE TABLE a (id int);\n")
    house.do()
    house.write("8_b.sql", "-- migrate:up\nALTER TABLE a ADD COLUMN b int;\n")
    house.write("9_c.sql", "-- migrate:up\nALTER TABLE a ADD COLUMN c int;\n")
    job_id = house.submit().job.id
    overlaps = "SELECT count FROM liftlock_control.conflicts WHERE kind = 'object_overlap' AND state = 'open'"
    assert len(fetch(house.dsn, overlaps)) == 1

    assert house.perform(job_id).state is JobState.SUCCEEDED

    assert fetch(house.dsn, overlaps) == []
