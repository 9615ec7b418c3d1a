"""What is kept in a target is listed, and purged when its time is over: never what is the only way back before that."""

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.domain.job import JobKind, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, value

DROP = "-- migrate:up\nALTER TABLE notes DROP note;\n-- migrate:down\nALTER TABLE notes ADD note text;\n"
OLDER = "UPDATE liftlock.preserved SET kept_at = kept_at - interval '{days} days'"


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, shortcut=False) as house:
        execute(house.dsn, "CREATE TABLE notes (id int PRIMARY KEY, note text); INSERT INTO notes VALUES (1, 'a')")
        house.write("1_drop.sql", DROP)
        assert house.do(JobKind.RUN).state is JobState.SUCCEEDED
        yield house


def _listed(house: House) -> list[dict[str, object]]:
    answer: list[dict[str, object]] = house.http("GET", "/environments/development/preserved").get_json()
    return answer


def _purged(house: House) -> int:
    return int(house.run_async(house.services.preserved.purge()))


def test_it_is_listed_from_its_keeping_to_its_giving_back(house: House) -> None:
    (kept,) = _listed(house)
    assert (kept["migration"], kept["direction"], kept["kind"]) == ("drop", "up", "columns")
    assert (kept["table"], kept["columns"], kept["rows"], kept["state"], kept["needed"]) == (
        "notes",
        ["note"],
        1,
        "kept",
        True,
    )
    house.do(JobKind.ROLLBACK)
    (restored,) = _listed(house)
    assert (restored["state"], restored["restoredRows"], restored["keptUntil"]) == ("restored", 1, None)


def test_a_target_that_keeps_nothing_lists_nothing(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        assert _listed(house) == []
        assert _purged(house) == 0


@pytest.mark.parametrize(("days", "purged"), [(29, 0), (31, 0), (59, 0), (61, 1)])
def test_the_only_way_back_is_purged_at_twice_the_time(house: House, days: int, purged: int) -> None:
    execute(house.dsn, OLDER.format(days=days))
    assert _purged(house) == purged
    assert (
        value(house.dsn, "SELECT count(*) FROM pg_class WHERE relname LIKE 'kept\\_%' AND relkind = 'r'") == 1 - purged
    )
    assert [one["state"] for one in _listed(house)] == ["purged" if purged else "kept"]


def test_the_step_that_would_have_given_it_back_says_that_it_was_purged(house: House) -> None:
    execute(house.dsn, OLDER.format(days=61))
    _purged(house)
    job = house.do(JobKind.ROLLBACK)
    assert job.steps[0].notice == "purged before, for the time was over: note of notes (1 row)"
    assert house.do(JobKind.RUN).steps[0].notice == "kept note of notes (1 row)"
    assert house.do(JobKind.ROLLBACK).steps[0].notice == "gave back note of notes (1 row)"


def test_what_no_step_can_give_back_any_more_goes_when_its_time_is_over(house: House) -> None:
    execute(house.dsn, OLDER.format(days=31) + "; UPDATE liftlock.migrations SET status = 'failed'")
    assert _purged(house) == 1


def test_a_trigger_that_was_only_switched_off_is_dropped(house: House) -> None:
    """A reader stood in the way when the step ended."""
    house.write("2_delete.sql", "-- migrate:up\nDELETE FROM notes;\n-- migrate:down\nSELECT 1;\n")
    reader = house.run_async(_reading(house.dsn))
    try:
        assert house.do(JobKind.RUN).state is JobState.SUCCEEDED
        triggers = "SELECT tgenabled::text AS enabled FROM pg_trigger WHERE tgname LIKE 'liftlock%'"
        assert [row["enabled"] for row in fetch(house.dsn, triggers)] == ["D", "D", "D"]
    finally:
        house.run_async(reader.close())
    _purged(house)
    assert fetch(house.dsn, triggers) == []
    assert fetch(house.dsn, "SELECT 1 FROM pg_proc WHERE proname LIKE 'liftlock_keeps%'") == []


async def _reading(dsn: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(dsn)
    await connection.execute("BEGIN; SELECT count(*) FROM notes")
    return connection
