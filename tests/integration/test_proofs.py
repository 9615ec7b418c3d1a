"""Up, down and up again on a scratch database of the real server: the verdicts, and that nothing else is touched."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.domain.job import Job, JobId, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch

pytestmark = pytest.mark.servers

USERS = (
    "-- migrate:up\nCREATE TABLE users (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE,\n"
    "  state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'old')));\n-- migrate:down\nDROP TABLE users;\n"
)
ORDERS = (
    "-- migrate:up\nCREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, note varchar(2));\n"
    "-- migrate:down\nDROP TABLE orders;\n"
)


def scratches(house: House) -> list[str]:
    found = fetch(house.dsn, "SELECT datname FROM pg_database WHERE datname LIKE 'liftlock_scratch_%'")
    return [row["datname"] for row in found]


def catalog(house: House) -> list[Any]:
    """What stands in the target outside Liftlock's own schemas, with the numbers that a change would move."""
    return fetch(
        house.dsn,
        "SELECT c.oid, c.relname, c.xmin::text, c.relnatts, n.nspname FROM pg_class c JOIN pg_namespace n ON"
        " n.oid = c.relnamespace WHERE n.nspname NOT LIKE 'liftlock%' AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1",
    )


def proven(house: House, **body: Any) -> Job:
    """Ask for a proof and carry it out; whatever comes of it, the target is as before and nothing is left over."""
    before = catalog(house)
    answered = house.http("POST", "/migrations/verify", json=body)
    assert answered.status_code == 202, answered.get_json()
    job = house.job(JobId(UUID(answered.get_json()["id"])))
    job = job if job.state.final else house.perform(job.id)
    assert scratches(house) == []
    assert catalog(house) == before
    return job


def shown(house: House, name: str) -> Any:
    return house.http("GET", f"/migrations/{name}").get_json()


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    """A target with one table, which Liftlock has made."""
    with open_house(servers, folder) as house:
        house.write("1_users.sql", USERS)
        assert house.do().state is JobState.SUCCEEDED
        yield house


def test_a_migration_whose_down_restores_is_proven(house: House) -> None:
    house.write("2_orders.sql", ORDERS)
    house.write("3_more.sql", "-- migrate:up\nALTER TABLE orders ADD x int;\n-- migrate:down\nALTER TABLE orders DROP x;\n")

    job = proven(house)

    assert (job.state, job.reason) == (JobState.SUCCEEDED, "proven"), job
    assert [(step.name, step.state.value, step.notice) for step in job.steps] == [
        ("orders", "applied", "proven: up, down and up again: schema and rows are restored"),
        ("more", "applied", "proven: up, down and up again: schema and rows are restored"),
    ]
    assert "a dump of its schema" in job.notices[0]
    one = shown(house, "orders")
    assert (one["undo"], one["reversibility"]["verdict"], one["status"]) == ("proven", "proven", "pending")
    assert one["reversibility"]["jobId"] == str(job.id) and one["proof"]["differences"] == []
    assert shown(house, "users")["undo"] == "not_proven"
