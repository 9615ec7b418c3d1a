"""A reset keeps what it destroys, so that the next run brings it back; where it is told to, it keeps nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.job import JobKind, JobState
from app.services.planning import NOTHING_KEPT
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, value

NOTES = "-- migrate:up\nCREATE TABLE notes (id int PRIMARY KEY, note text);\n-- migrate:down\nDROP TABLE notes;\n"
DROPS = "-- migrate:up\nALTER TABLE old DROP note;\n-- migrate:down\nALTER TABLE old ADD note text;\n"


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, shortcut=False) as house:
        house.write("1_notes.sql", NOTES)
        assert house.do(JobKind.RUN).state is JobState.SUCCEEDED
        execute(house.dsn, "INSERT INTO notes VALUES (1, 'milk'), (2, 'tea')")
        yield house


def test_a_reset_keeps_unless_it_is_told_otherwise(house: House) -> None:
    job = house.do(JobKind.RESET)
    assert job.steps[0].notice == "kept the table notes (2 rows)"
    assert NOTHING_KEPT not in job.notices
    house.do(JobKind.RUN)
    assert [tuple(row) for row in fetch(house.dsn, "SELECT * FROM notes ORDER BY 1")] == [(1, "milk"), (2, "tea")]


def test_a_reset_that_is_to_keep_nothing_keeps_nothing_and_its_job_says_so(house: House) -> None:
    job = house.do(JobKind.RESET, preserve=False)
    assert (job.state, job.steps[0].notice, job.notices[0]) == (JobState.SUCCEEDED, None, NOTHING_KEPT)
    assert value(house.dsn, "SELECT count(*) FROM liftlock.preserved") == 0
    house.do(JobKind.RUN)
    assert value(house.dsn, "SELECT count(*) FROM notes") == 0


def test_it_still_gives_back_what_the_steps_that_it_undoes_have_kept(house: House) -> None:
    execute(house.dsn, "CREATE TABLE old (id int PRIMARY KEY, note text); INSERT INTO old VALUES (1, 'bread')")
    house.write("2_drops.sql", DROPS)
    house.do(JobKind.RUN)
    job = house.do(JobKind.RESET, preserve=False)
    assert job.steps[0].notice == "gave back note of old (1 row)"
    assert value(house.dsn, "SELECT note FROM old") == "bread"


def test_a_reset_that_has_nothing_to_undo_says_nothing_of_rows(house: House) -> None:
    house.do(JobKind.RESET)
    assert house.do(JobKind.RESET, preserve=False).notices == ()
