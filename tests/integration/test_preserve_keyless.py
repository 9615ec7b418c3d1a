"""Rows that have nothing in the only key are there, and nobody can tell which they are; the job says just that."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.job import JobKind, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, shortcut=False) as house:
        yield house


def _done(house: House, kind: JobKind) -> str:
    job = house.do(kind)
    assert job.state is JobState.SUCCEEDED, job
    return job.steps[0].notice or ""


@pytest.mark.parametrize(
    ("up", "down", "left"),
    [
        ("ALTER TABLE t DROP COLUMN v", "ALTER TABLE t ADD COLUMN v text", None),
        ("ALTER TABLE t ALTER v TYPE int USING 0", "ALTER TABLE t ALTER v TYPE text", "0"),
    ],
)
def test_rows_with_nothing_in_the_key_are_not_said_to_be_gone(
    house: House, up: str, down: str, left: str | None
) -> None:
    execute(house.dsn, "CREATE TABLE t (id int UNIQUE, v text)")
    execute(house.dsn, "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (NULL, 'c'), (NULL, 'd')")
    house.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\n{down};\n")
    _done(house, JobKind.RUN)
    execute(house.dsn, "DELETE FROM t WHERE id = 2")
    said = _done(house, JobKind.ROLLBACK)
    assert "v of t (1 of 4 rows)" in said
    assert "; 2 rows with nothing in the key, so that nobody can tell which they are; 1 row not there any more" in said
    assert [tuple(row) for row in fetch(house.dsn, "SELECT * FROM t ORDER BY 1")] == [
        (1, "a"),
        (None, left),
        (None, left),
    ]
