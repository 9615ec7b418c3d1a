"""Seeds of a table that a script makes, and rows without a key: there once, and not said to be gone."""

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


@pytest.mark.parametrize("parted", ["", "PARTITION BY LIST (v); CREATE TABLE z1 PARTITION OF z DEFAULT"])
def test_rows_without_a_key_are_not_more_with_each_run(house: House, parted: str) -> None:
    up = f"CREATE TABLE z (v text, j json) {parted}; INSERT INTO z VALUES ('a', '{{}}'), ('a', '{{}}'), ('b', NULL)"
    house.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\nDROP TABLE z;\n")
    _done(house, JobKind.RUN)
    execute(house.dsn, "INSERT INTO z VALUES ('c', '1')")
    for _ in range(2):
        _done(house, JobKind.ROLLBACK)
        assert "gave back the table z (4 rows)" in _done(house, JobKind.RUN)
        assert [row["v"] for row in fetch(house.dsn, "SELECT v FROM z ORDER BY 1")] == ["a", "a", "b", "c"]


@pytest.mark.parametrize("rule", ["", "ON DELETE CASCADE", "ON DELETE SET NULL", "DEFERRABLE INITIALLY DEFERRED"])
def test_rows_that_others_refer_to_are_not_taken_away_for_a_moment(house: House, rule: str) -> None:
    execute(house.dsn, "CREATE TABLE c (p int); INSERT INTO c VALUES (1)")
    up = (
        "CREATE TABLE p (id int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, v text);"
        "INSERT INTO p (id, v) VALUES (1, 'a'), (2, 'b');"
        f"ALTER TABLE c ADD CONSTRAINT k FOREIGN KEY (p) REFERENCES p {rule}"
    )
    house.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\nALTER TABLE c DROP CONSTRAINT k; DROP TABLE p;\n")
    _done(house, JobKind.RUN)
    execute(house.dsn, "UPDATE p SET v = 'changed' WHERE id = 1; INSERT INTO p (id, v) VALUES (3, 'more')")
    for _ in range(2):
        _done(house, JobKind.ROLLBACK)
        assert "gave back the table p (3 rows)" in _done(house, JobKind.RUN)
        there = [tuple(row) for row in fetch(house.dsn, "SELECT id, n, v FROM p ORDER BY 1")]
        assert there == [(1, 1, "changed"), (2, 2, "b"), (3, 3, "more")]
        assert [row["p"] for row in fetch(house.dsn, "SELECT p FROM c")] == [1]


def test_a_row_whose_value_is_refused_is_not_said_to_be_gone(house: House) -> None:
    execute(house.dsn, "CREATE TABLE t (id int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 1), (2, 2), (3, 9)")
    anew = "INSERT INTO n (id) SELECT id FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t"
    up = f"CREATE TABLE n (id int PRIMARY KEY); {anew}"
    down = f"CREATE TABLE n (id int PRIMARY KEY, b int CHECK (b < 5)); {anew}"
    house.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\n{down};\n")
    _done(house, JobKind.RUN)
    execute(house.dsn, "DELETE FROM t WHERE id = 1")
    given = _done(house, JobKind.ROLLBACK)
    assert "gave back the table t (1 of 3 rows); 1 row refused" in given
    assert "1 row that lived on not there any more" in given
    assert [tuple(row) for row in fetch(house.dsn, "SELECT id, b FROM t ORDER BY 1")] == [(2, 2), (3, None)]


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
