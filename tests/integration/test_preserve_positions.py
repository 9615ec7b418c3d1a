"""The position that a script sets a sequence to: kept, and given back where no number can come twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.job import JobKind, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch

COUNTED = (
    "CREATE TABLE t (id serial PRIMARY KEY, n int); INSERT INTO t (n) VALUES (1), (2), (3); CREATE TABLE x (id int);"
    "INSERT INTO x VALUES (1); CREATE SEQUENCE free; SELECT setval('free', 7);"
    "CREATE TABLE u (id int GENERATED ALWAYS AS IDENTITY, n int); INSERT INTO u (n) VALUES (1);"
    'CREATE SEQUENCE "Odd s" INCREMENT -1 MINVALUE -100 MAXVALUE 10'
)
NEXT = (
    "SELECT (SELECT last_value + is_called::int FROM t_id_seq), (SELECT last_value + is_called::int FROM free),"
    '(SELECT last_value + is_called::int FROM u_id_seq), (SELECT last_value - is_called::int FROM "Odd s")'
)
AFTER_TRUNCATE = (
    "SELECT (SELECT count(*) FROM parted), (SELECT last_value + is_called::int FROM parted_id_seq),"
    "(SELECT last_value + is_called::int FROM c_id_seq)"
)
BEFORE = (4, 8, 2, 10)
IMPORT = "INSERT INTO t SELECT n, n FROM generate_series(10, 20) n; SELECT setval('t_id_seq', max(id)) FROM t"


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, shortcut=False) as house:
        execute(house.dsn, COUNTED)
        yield house


def _done(house: House, kind: JobKind) -> str:
    job = house.do(kind)
    assert job.state is JobState.SUCCEEDED, job
    return job.steps[0].notice or ""


def _next(house: House) -> tuple[int, ...]:
    return tuple(fetch(house.dsn, NEXT)[0])


@pytest.mark.parametrize(
    ("up", "down", "made"),
    [
        pytest.param(
            "SELECT setval('free', 2), setval(pg_get_serial_sequence('t', 'id'), 1000);"
            "ALTER TABLE u ALTER id RESTART WITH 500; SELECT setval('\"Odd s\"', -50)",
            "SELECT 1",
            (1001, 3, 500, -51),
            id="several",
        ),
        pytest.param(
            "ALTER SEQUENCE free RESTART", "SELECT setval('free', 7)", (4, 1, 2, 10), id="its down sets it too"
        ),
        pytest.param(IMPORT, "DELETE FROM t WHERE id >= 10", (21, 8, 2, 10), id="behind imported rows"),
        pytest.param(
            "SELECT setval('free', (SELECT last_value + is_called::int + 100 FROM free));"
            "DO $$ BEGIN DROP TABLE x; END $$",
            "CREATE TABLE x (id int)",
            (4, 109, 2, 10),
            id="a script that is run twice sets it once",
        ),
    ],
)
def test_a_sequence_goes_on_where_it_stood(house: House, up: str, down: str, made: tuple[int, ...]) -> None:
    house.write("1_set.sql", f"-- migrate:up\n{up};\n-- migrate:down\n{down};\n")
    for _ in range(2):
        assert "kept the position of the sequence" in _done(house, JobKind.RUN)
        assert _next(house) == made
        assert "gave back the position of the sequence" in _done(house, JobKind.ROLLBACK)
        assert _next(house) == BEFORE


@pytest.mark.parametrize(
    ("up", "meanwhile", "why", "left"),
    [
        pytest.param(
            "SELECT setval('free', 100)",
            "SELECT nextval('free')",
            "numbers have been drawn from it since",
            (4, 102, 2, 10),
            id="somebody has drawn from it",
        ),
        pytest.param(IMPORT, "SELECT 1", "there are rows with higher numbers", (21, 8, 2, 10), id="its rows are there"),
        pytest.param(
            "DO $$ BEGIN PERFORM setval(name, 50) FROM (SELECT 'free' AS name) AS it; END $$",
            "SELECT 1",
            "",
            (4, 51, 2, 10),
            id="nobody could tell its name",
        ),
        pytest.param(
            "CREATE TABLE named (id text DEFAULT 'N' || nextval('free'), n int); SELECT setval('free', 30);"
            "INSERT INTO named (n) VALUES (1)",
            "SELECT 1",
            "there are rows whose numbers nobody can compare",
            (4, 32, 2, 10),
            id="its numbers are in text",
        ),
    ],
)
def test_a_sequence_that_might_give_a_number_twice_stays_where_it_is(
    house: House, up: str, meanwhile: str, why: str, left: tuple[int, ...]
) -> None:
    house.write("1_set.sql", f"-- migrate:up\n{up};\n-- migrate:down\nSELECT 1;\n")
    kept = _done(house, JobKind.RUN)
    execute(house.dsn, meanwhile)
    given = _done(house, JobKind.ROLLBACK)
    assert _next(house) == left
    if why:
        assert f"cannot go back and stays kept; {why}, so that it is left where it is" in given
    else:
        assert "not kept: the position of a sequence whose name it works out while it runs" in kept


@pytest.mark.parametrize(
    ("up", "down"),
    [
        pytest.param(
            "SELECT setval('free', 50); ALTER SEQUENCE free RENAME TO other",
            "ALTER SEQUENCE other RENAME TO free",
            id="it has another name meanwhile",
        ),
        pytest.param(
            "DELETE FROM t; TRUNCATE t RESTART IDENTITY", "SELECT 1", id="nothing is left of its table to truncate"
        ),
    ],
)
def test_its_position_comes_back_also_where(house: House, up: str, down: str) -> None:
    house.write("1_set.sql", f"-- migrate:up\n{up};\n-- migrate:down\n{down};\n")
    for _ in range(2):
        _done(house, JobKind.RUN)
        _done(house, JobKind.ROLLBACK)
        assert _next(house) == BEFORE


def test_what_a_truncated_table_has_no_rows_to_say_of_its_sequences_is_kept(house: House) -> None:
    execute(
        house.dsn,
        "CREATE TABLE parted (id serial PRIMARY KEY) PARTITION BY RANGE (id);"
        "CREATE TABLE part PARTITION OF parted DEFAULT; CREATE TABLE c (id serial, t int REFERENCES t (id));"
        "INSERT INTO parted SELECT nextval('parted_id_seq') FROM generate_series(1, 3); SELECT setval('c_id_seq', 5)",
    )
    house.write("1_it.sql", "-- migrate:up\nTRUNCATE parted, t RESTART IDENTITY CASCADE;\n-- migrate:down\nSELECT 1;\n")
    for _ in range(2):
        assert "kept the position of the sequence parted_id_seq" in _done(house, JobKind.RUN)
        _done(house, JobKind.ROLLBACK)
        assert fetch(house.dsn, AFTER_TRUNCATE)[0][:] == (3, 4, 6)
        assert _next(house) == BEFORE


@pytest.mark.parametrize(
    ("up", "said"),
    [
        pytest.param(
            "ALTER SEQUENCE free RENAME TO other; SELECT setval('other', 50)",
            "not kept: the position of the sequence free, which the script finds by a name that did not lead there",
            id="by the name that the script has given it",
        ),
        pytest.param(
            "SET LOCAL search_path = away; SELECT setval('theirs', 50)",
            "not kept: the position of a sequence whose name it works out while it runs",
            id="on a path that the script has set",
        ),
    ],
)
def test_a_position_that_only_the_script_itself_finds_is_said_to_be_lost(house: House, up: str, said: str) -> None:
    execute(house.dsn, "CREATE SCHEMA away; CREATE SEQUENCE away.theirs")
    house.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\nSELECT 1;\n")
    assert said in _done(house, JobKind.RUN)


def test_of_a_sequence_that_a_dump_makes_itself_there_is_nothing_to_say(house: House) -> None:
    search = "SELECT pg_catalog.set_config('search_path', '', false)"
    made = "CREATE SEQUENCE public.made; SELECT pg_catalog.setval('public.made', 7, true)"
    house.write("1_dump.sql", f"-- migrate:up\n{search};\n{made};\n")

    assert _done(house, JobKind.RUN) == ""
