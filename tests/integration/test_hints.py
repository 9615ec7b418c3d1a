"""What to do about what people bring from other tools, where the server cannot know it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.job import JobState
from app.domain.step import Atomicity
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute

pytestmark = pytest.mark.servers


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder) as it:
        yield it


def hint_on_a_run(house: House, atomic: Atomicity = Atomicity.MIGRATION) -> str:
    job = house.do(atomic=atomic)
    assert job.state is JobState.FAILED and job.error is not None
    return job.error.hint or ""


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("CREATE TABLE :name (id int)", "nobody fills in :name"),
        ("CREATE TABLE ${name} (id int)", "nobody fills in :name"),
        ("CREATE\u00a0TABLE a (id int)", "it holds NO-BREAK SPACE (U+00A0)"),
        ("SELECT \u2018a\u2019", "it holds LEFT SINGLE QUOTATION MARK (U+2018)"),
        ("EXECUTE of_another_file", "PREPARE it in the section that uses it"),
        ("PREPARE a AS SELECT 1; PREPARE a AS SELECT 2", "DEALLOCATE it before"),
        ("DO $$ BEGIN EXECUTE 'VACUUM'; END $$", "a section of such statements has no transaction"),
        ("DO $$ BEGIN COMMIT; END $$", "`-- migrate:up transaction:false`"),
        ("SELECT FROM \u00e4\u00f6\u00fc", ""),
        ("SELECT 1 +", ""),
    ],
)
def test_what_an_error_of_the_server_means_here_is_said(house: House, statement: str, expected: str) -> None:
    house.write("1_a.sql", f"-- migrate:up\n{statement};\n")
    hint = hint_on_a_run(house)
    assert (expected in hint) if expected else not hint


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("execute('SELECT %s', 1)", "in Python write $1, $2"),
        ("execute('SELECT :id', {'id': 1})", "in Python write $1, $2"),
        ("fetch('SELECT $1::int, $2::int', (1, 2))", "Check the query against the passed list of arguments."),
    ],
)
def test_how_values_are_given_is_said(house: House, call: str, expected: str) -> None:
    house.write("1_a.py", f"async def up(connection):\n    await connection.{call}\n")
    assert expected in hint_on_a_run(house)


def test_a_new_enum_value_has_to_be_committed_first_also_in_an_atomic_run(house: House) -> None:
    execute(house.dsn, "CREATE TYPE colour AS ENUM ('red')")
    house.write("1_a.sql", "-- migrate:up\nALTER TYPE colour ADD VALUE 'blue';\n")
    house.write("2_b.sql", "-- migrate:up\nCREATE TABLE paints (colour colour DEFAULT 'blue');\n")
    assert "use two files, and not" in hint_on_a_run(house, Atomicity.RUN)
