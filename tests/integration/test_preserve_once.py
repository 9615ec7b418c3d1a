"""A Python migration that says it is not repeatable runs once; what it destroys then is nobody's to keep."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.job import JobKind, JobState
from tests.support.house import House, locked_house
from tests.support.servers import Servers, execute, value

ONCE = """\
from pathlib import Path

repeatable = {repeatable}


async def up(connection):
    with Path({told!r}).open("a") as told:
        told.write("x")
    await connection.execute({script!r})


async def down(connection):
    await connection.execute("SELECT 1")
"""
FILLED = "CREATE TABLE notes (id int PRIMARY KEY, note text); INSERT INTO notes VALUES (1, 'a'), (2, 'b')"
WHY = "the file says that it is not repeatable, so nothing could be kept before"
CONSENT = ("TABLE_DROPPED", "COLUMN_DROPPED", "UNSEEN_STATEMENTS", "ALL_ROWS_CHANGED", "LINT")


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with locked_house(servers, folder, *CONSENT) as house:
        execute(house.dsn, FILLED)
        yield house


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """What the file does outside of the database."""
    return tmp_path / "told"


def _write(house: House, told: Path, script: str, *, repeatable: bool = False) -> None:
    house.write("1_once.py", ONCE.format(repeatable=repeatable, told=str(told), script=script))


@pytest.mark.parametrize(("repeatable", "times"), [(True, 2), (False, 1)])
def test_it_runs_once_where_another_would_be_tried_out_first(
    house: House, told: Path, repeatable: bool, times: int
) -> None:
    _write(house, told, "DROP TABLE notes", repeatable=repeatable)
    job = house.do(JobKind.RUN, allow_hazards=("DATA_LOSS",))
    assert job.state is JobState.SUCCEEDED, job
    assert told.read_text() == "x" * times


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("DROP TABLE notes", "notes"),
        ("ALTER TABLE notes DROP note", "note of notes"),
        ("ALTER TABLE notes ALTER note TYPE varchar(1)", "note of notes"),
        ("DELETE FROM notes WHERE id = 1", "rows of notes"),
        ("UPDATE notes SET note = 'x'", "rows of notes"),
        ("TRUNCATE notes", "rows of notes"),
    ],
)
def test_what_it_destroys_needs_consent_and_else_it_is_taken_back_and_says_what_stays(
    house: House, told: Path, script: str, what: str
) -> None:
    _write(house, told, script)

    job = house.do(JobKind.RUN)

    assert (job.state, job.reason) == (JobState.FAILED, "refused")
    assert job.error is not None
    assert job.error.message == f"once: it would destroy what cannot be kept: {what}: {WHY}"
    assert job.error.left_behind.endswith("what the file has done outside of the database stays")
    assert not job.error.safe_to_retry
    assert house.http("POST", f"/jobs/{job.id}/retry").status_code == 409
    assert value(house.dsn, "SELECT string_agg(note, '' ORDER BY id) FROM notes") == "ab"
    assert told.read_text() == "x"
    again = house.do(JobKind.RUN, allow_hazards=("DATA_LOSS",))
    assert again.state is JobState.SUCCEEDED
    assert again.steps[0].notice == f"lost, as was consented to: {what}: {WHY}"


@pytest.mark.parametrize(
    "script",
    ["INSERT INTO notes VALUES (3, 'c')", "UPDATE notes SET note = 'x' WHERE id = 9", "CLUSTER notes USING notes_pkey"],
)
def test_one_that_destroys_nothing_asks_for_nothing(house: House, told: Path, script: str) -> None:
    _write(house, told, script)
    job = house.do(JobKind.RUN)
    assert (job.state, job.steps[0].notice) == (JobState.SUCCEEDED, None)


def test_it_is_not_run_again_by_itself_for_a_lock_that_was_not_free(house: House, told: Path) -> None:
    _write(house, told, "DO $$ BEGIN RAISE lock_not_available; END $$")
    job = house.do(JobKind.RUN)
    assert (job.state, job.reason) == (JobState.FAILED, "lock_timeout")
    assert told.read_text() == "x"
