"""Protection, changed on purpose: unlocked for a while, and a database taken for another environment."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.environment import Dsn, Environment, Protection
from app.domain.job import JobKind, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, value

ONE = "-- migrate:up\nCREATE TABLE users (id int);\n-- migrate:down\nDROP TABLE users;\n"


@pytest.fixture
def production(servers: Servers) -> Environment:
    return Environment("production", Dsn(servers.new_database()), Protection.CONFIRM)


@pytest.fixture
def house(servers: Servers, folder: Path, production: Environment) -> Iterator[House]:
    (folder / "1_users.sql").write_text(ONE)
    with open_house(servers, folder, environments={"production": production}) as house:
        yield house


def ask(house: House, path: str, body: dict[str, Any], status: int) -> dict[str, Any]:
    answer = house.http("POST", path, json=body)
    assert answer.status_code == status, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def unlock(house: House) -> dict[str, Any]:
    return ask(house, "/environments/production/unlock", {"confirm": "production", "note": "incident 7"}, 200)


def reset_status(house: House) -> int:
    return house.http("DELETE", "/migrations/reset").status_code


def test_an_unlocked_environment_is_one_step_less_protected_for_a_quarter_of_an_hour(
    house: House, production: Environment
) -> None:
    house.do(environment="production")
    assert reset_status(house) == 403
    assert unlock(house)["protection"] == "open"
    assert house.do(JobKind.RESET, environment="production").state is JobState.SUCCEEDED
    (minutes,) = fetch(
        production.dsn.secret,
        "SELECT round(extract(epoch FROM unlocked_until - clock_timestamp()) / 60) AS left FROM liftlock.settings",
    )
    assert minutes["left"] in (14, 15)
    execute(production.dsn.secret, "UPDATE liftlock.settings SET unlocked_until = unlocked_until - interval '15 min'")
    assert reset_status(house) == 403


def test_it_is_locked_again_at_somebodys_word_and_all_of_it_is_on_the_trail(house: House) -> None:
    unlock(house)
    assert ask(house, "/environments/production/lock", {}, 200)["protection"] == "confirm"
    assert reset_status(house) == 403
    trail = fetch(
        house.dsn,
        "SELECT action, environment, detail ->> 'note' AS note FROM liftlock_control.audit"
        " WHERE action LIKE 'environments.%' ORDER BY id",
    )
    assert [tuple(row.values()) for row in trail] == [
        ("environments.unlock", "production", "incident 7"),
        ("environments.lock", "production", None),
    ]


def test_unlocking_wants_the_name_and_a_job_that_was_submitted_then_is_looked_at_again(house: House) -> None:
    refused = ask(house, "/environments/production/unlock", {"confirm": "prod"}, 428)
    assert (refused["type"], refused["confirm"]) == ("/problems/confirmation-required", "production")
    house.do(environment="production")
    unlock(house)
    job = house.submit(JobKind.RESET, environment="production").job
    ask(house, "/environments/production/lock", {}, 200)
    late = house.perform(job.id)
    assert (late.state, late.reason) == (JobState.FAILED, "environment_protected")


def test_a_copy_of_production_is_taken_for_development_on_purpose(
    servers: Servers, folder: Path, production: Environment
) -> None:
    (folder / "1_users.sql").write_text(ONE)
    locked = replace(production, protection=Protection.LOCKED)
    with open_house(servers, folder, environments={"production": locked}) as house:
        house.do(environment="production")
    development = Environment("development", production.dsn)
    with open_house(servers, folder, environments={"development": development}) as house:
        refused = house.http("POST", "/migrations/rollback")
        assert refused.status_code == 403
        assert "/environments/development/claim" in refused.get_json()["nextSteps"][0]
        ask(house, "/environments/development/unlock", {"confirm": "development"}, 403)
        ask(house, "/environments/development/claim", {"confirm": "development"}, 428)
        claimed = ask(house, "/environments/development/claim", {"confirm": "production", "note": "a copy"}, 200)
        assert claimed["protection"] == "open"
        assert value(production.dsn.secret, "SELECT environment FROM liftlock.settings") == "development"
        assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED
        assert ask(house, "/environments/development/claim", {}, 200)["protection"] == "open"


def test_what_a_job_is_at_work_in_is_not_claimed(servers: Servers, folder: Path, production: Environment) -> None:
    (folder / "1_users.sql").write_text(ONE)
    with open_house(servers, folder, environments={"production": production}) as house:
        house.do(environment="production")
    execute(production.dsn.secret, "UPDATE liftlock.fence SET job_id = gen_random_uuid()")
    development = Environment("development", production.dsn)
    with open_house(servers, folder, environments={"development": development}) as house:
        ask(house, "/environments/development/claim", {"confirm": "production"}, 409)
        assert value(production.dsn.secret, "SELECT environment FROM liftlock.settings") == "production"


def test_a_database_that_was_never_touched_is_unlocked_too(house: House) -> None:
    assert unlock(house)["unlockedUntil"].endswith("Z")
