"""A column gets another type by a cast that refuses what it cannot keep: nothing is lost, and nothing is said."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.job import JobKind, JobState
from tests.support.house import House, locked_house
from tests.support.servers import Servers, execute, value

CONSENTED = ("TABLE_REWRITE", "TYPE_NARROWED", "LINT", "ALL_ROWS_CHANGED")
CANNOT = "no primary key or unique index finds its rows again"


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with locked_house(servers, folder) as house:
        yield house


@pytest.mark.parametrize(
    ("columns", "up"),
    [
        ("id bigint PRIMARY KEY, v text", "ALTER TABLE t ALTER COLUMN id TYPE int"),
        ("id int PRIMARY KEY, v text", "ALTER TABLE t ALTER id SET DATA TYPE smallint, ADD COLUMN n int"),
        ("id bigint, v text", "UPDATE other SET o = 1 WHERE o = 2; ALTER TABLE t ALTER COLUMN id TYPE int"),
        ("id numeric(12, 2), v text", "ALTER TABLE t ALTER COLUMN id TYPE numeric(10, 2)"),
    ],
)
def test_a_narrower_number_loses_nothing(house: House, columns: str, up: str) -> None:
    execute(house.dsn, f"CREATE TABLE t ({columns}); INSERT INTO t VALUES (1, 'a'); CREATE TABLE other (o int UNIQUE)")
    house.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\nSELECT 1;\n")
    job = house.do(JobKind.RUN, allow_hazards=CONSENTED)
    assert (job.state, job.steps and job.steps[0].notice) == (JobState.SUCCEEDED, None), job
    assert value(house.dsn, "SELECT count(*) FROM liftlock.preserved") == 0


@pytest.mark.parametrize(
    "up",
    [
        "ALTER TABLE t ALTER COLUMN id TYPE int USING id % 10",
        "ALTER TABLE t ALTER COLUMN id TYPE real; ALTER TABLE t ALTER COLUMN id TYPE int",
        "DO $$ BEGIN ALTER TABLE t ALTER COLUMN id TYPE int USING id % 10; END $$",
    ],
)
def test_values_that_become_others_are_said_to_be_lost(house: House, up: str) -> None:
    execute(house.dsn, "CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t VALUES (16777217)")
    house.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\nSELECT 1;\n")
    job = house.do(JobKind.RUN, allow_hazards=(*CONSENTED, "DATA_LOSS", "UNSEEN_STATEMENTS"))
    assert job.state is JobState.SUCCEEDED, job
    assert f"lost, as was consented to: id of t: {CANNOT}" in (job.steps[0].notice or "")
