"""Tables that do not fit into memory: a migration in Python reads them a piece at a time, and loads them from files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.job import Job, JobState
from app.domain.step import Atomicity
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, value

pytestmark = pytest.mark.servers

ROWS = 20
SETUP = f"""
    CREATE TABLE t (id int PRIMARY KEY, text text);
    INSERT INTO t SELECT n, 'old' FROM generate_series(1, {ROWS}) n;
    CREATE SEQUENCE read;
"""


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder) as it:
        execute(it.dsn, SETUP)
        yield it


def run(house: House, *lines: str, above: str = "", below: str = "", **asked: Any) -> Job:
    body = "".join(f"    {line}\n" for line in lines)
    house.write("1_rows.py", f"{above}async def up(connection):\n{body}{below}")
    return house.do(**asked)


def test_each_row_comes_once_and_in_order_while_others_are_written(house: House) -> None:
    job = run(
        house,
        "found = connection.cursor('SELECT id FROM t WHERE id > $1 ORDER BY id', 5, prefetch=3)",
        "written = [row['id'] async for row in found]",
        "async for row in connection.cursor('SELECT id FROM t WHERE id = ANY ($1)', written, prefetch=4):",
        "    await connection.execute('UPDATE t SET text = $2 WHERE id = $1', row['id'], f'new {len(written)}')",
    )
    assert job.state is JobState.SUCCEEDED, job.error
    assert [row["id"] for row in fetch(house.dsn, "SELECT id FROM t WHERE text = 'new 15' ORDER BY id")] == [
        *range(6, 21)
    ]


@pytest.mark.parametrize(("prefetch", "pieces"), [(1, ROWS), (7, 3), (10, 2), (ROWS, 1), (500, 1)])
def test_all_rows_come_however_large_the_piece_is(house: House, prefetch: int, pieces: int) -> None:
    job = run(
        house,
        f"found = connection.cursor('SELECT id FROM t ORDER BY id', prefetch={prefetch})",
        f"assert [row[0] async for row in found] == [*range(1, {ROWS + 1})]",
        "assert [row async for row in found] == [], 'a cursor that is through has no more rows'",
    )
    assert job.state is JobState.SUCCEEDED, job.error


def test_no_more_is_read_than_was_asked_for(house: House) -> None:
    job = run(
        house,
        """async for row in connection.cursor("SELECT nextval('read') FROM t", prefetch=4):""",
        "    break",
    )
    assert job.state is JobState.SUCCEEDED, job.error
    assert value(house.dsn, "SELECT last_value FROM read") == 4


@pytest.mark.parametrize(
    "then",
    [
        "del rows; await connection.execute('ALTER TABLE t ADD other int')",
        "KEPT.append(rows)",
        "KEPT.append(rows); await connection.execute('DELETE FROM t WHERE id = 1')",
    ],
)
def test_what_was_broken_off_keeps_nobody_from_altering_its_table(house: House, then: str) -> None:
    house.write("2_alter.sql", "-- migrate:up\nALTER TABLE t ADD more int;\n-- migrate:down\nSELECT 1;\n")
    job = run(
        house,
        "rows = connection.cursor('SELECT id FROM t', prefetch=4)",
        "async for row in rows:",
        "    break",
        then,
        above="KEPT = []\n",
        below="async def down(connection):\n    pass\n",
        atomic=Atomicity.RUN,
    )
    assert job.state is JobState.SUCCEEDED, job.error


def test_a_cursor_that_has_gone_with_a_savepoint_hinders_nobody(house: House) -> None:
    job = run(
        house,
        "try:",
        "    async with connection.transaction():",
        "        async for row in connection.cursor('SELECT id FROM t', prefetch=4):",
        "            raise KeyError",
        "except KeyError:",
        "    await connection.execute('DELETE FROM t WHERE id = 1')",
    )
    assert job.state is JobState.SUCCEEDED, job.error
    assert value(house.dsn, "SELECT count(*) FROM t") == ROWS - 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rows = await connection.cursor('SELECT 1')", "write `async for row in connection.cursor(…)`"),
        ("connection.cursor('SELECT 1', prefetch=0)", "prefetch has to be at least 1, not 0"),
        ("[row async for row in connection.cursor('SELECT 1; COMMIT')]", "COMMIT may not be sent from a migration"),
        ("[row async for row in connection.cursor('SELECT nowhere FROM t')]", 'column "nowhere" does not exist'),
        ("[row async for row in connection.cursor(1)]", "SQL has to be a string, not int"),
    ],
)
def test_what_is_wrong_with_a_cursor_is_said_with_its_line(house: House, line: str, said: str) -> None:
    job = run(house, line)
    assert job.error is not None and said in job.error.message
    assert (job.state, job.error.line) == (JobState.FAILED, 2)
    assert house.statuses() == {"rows": "failed"}


def test_rows_are_loaded_from_a_file_that_lies_beside_it(house: House) -> None:
    (house.folder / "people.csv").write_text('id,text\n101,"a, b"\n102,\n')
    job = run(
        house,
        "beside = Path(__file__).with_name('people.csv')",
        "await connection.copy_to_table('t', source=beside, format='csv', header=True)",
        above="from pathlib import Path\n",
    )
    assert job.state is JobState.SUCCEEDED, job.error
    assert [tuple(row) for row in fetch(house.dsn, "SELECT * FROM t WHERE id > 100 ORDER BY id")] == [
        (101, "a, b"), (102, None),
    ]  # fmt: skip
