"""What a script overwrites before it truncates the table comes back as it stood: the server forgets to count it."""

from pathlib import Path

import pytest

from app.domain.job import Job, JobKind, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch

ROWS = "INSERT INTO shop SELECT at, 'name ' || at, at FROM generate_series(1, 20) AS at"
KEYED = "CREATE TABLE shop (id int PRIMARY KEY, name text, boss int)"
PARTED = (
    "CREATE TABLE shop (id int PRIMARY KEY, name text, boss int) PARTITION BY RANGE (id);"
    "CREATE TABLE few PARTITION OF shop FOR VALUES FROM (0) TO (10);"
    "CREATE TABLE many PARTITION OF shop FOR VALUES FROM (10) TO (100)"
)
BOSSES = (
    "CREATE TABLE bosses (id int PRIMARY KEY); INSERT INTO bosses SELECT generate_series(1, 20);"
    "CREATE TABLE shop (id int PRIMARY KEY, name text, boss int REFERENCES bosses ON DELETE SET NULL)"
)
KEYLESS = "CREATE TABLE shop (id int, name text, boss int)"
IN_A_BLOCK = "DO $$ BEGIN UPDATE shop SET name = NULL WHERE id % 2 = 0; END $$"
IN_A_FUNCTION = (
    "CREATE FUNCTION wipe() RETURNS void LANGUAGE sql AS $$ UPDATE shop SET name = upper(name) $$; SELECT wipe();"
    "DROP FUNCTION wipe()"
)
BY_A_KEY = "DO $$ BEGIN DELETE FROM bosses WHERE id < 9; END $$"
ALL_IN_A_BLOCK = "DO $$ BEGIN UPDATE shop SET name = 'x'; DELETE FROM shop WHERE id > 15; TRUNCATE shop; END $$"
OF_A_PARTITION = "DO $$ BEGIN UPDATE many SET name = 'x'; END $$"


def _stands(house: House) -> list[tuple[object, ...]]:
    return [tuple(row) for row in fetch(house.dsn, "SELECT id, name, boss FROM shop ORDER BY id")]


def _run(house: House, table: str, up: str) -> Job:
    execute(house.dsn, f"{table}; {ROWS}")
    house.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\nSELECT 1;\n")
    return house.do(JobKind.RUN)


@pytest.mark.parametrize(("table", "up"), [
    (KEYED, f"{IN_A_BLOCK}; TRUNCATE shop"), (KEYED, f"{IN_A_FUNCTION}; TRUNCATE shop"), (KEYED, ALL_IN_A_BLOCK),
    (KEYED, f"{IN_A_BLOCK}; ALTER TABLE shop DROP boss; TRUNCATE shop; ALTER TABLE shop ADD boss int"),
    (KEYED, f"{IN_A_BLOCK}; TRUNCATE shop; INSERT INTO shop VALUES (2, 'new', 2); {IN_A_BLOCK}"),
    (BOSSES, f"{BY_A_KEY}; TRUNCATE shop"),
    (PARTED, f"{IN_A_BLOCK}; TRUNCATE shop"), (PARTED, f"{OF_A_PARTITION}; TRUNCATE shop"),
    (PARTED, f"{OF_A_PARTITION}; TRUNCATE many"), (PARTED, f"{IN_A_BLOCK}; TRUNCATE many"),
])  # fmt: skip
def test_what_was_overwritten_before_comes_back_as_it_stood(
    servers: Servers, folder: Path, table: str, up: str
) -> None:
    with open_house(servers, folder, shortcut=False) as house:
        job = _run(house, table, up)
        for _ in range(2):
            assert (job.state, job.reason) == (JobState.SUCCEEDED, "applied"), job
            assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED
            assert _stands(house) == [(at, f"name {at}", at) for at in range(1, 21)]
            job = house.do(JobKind.RUN)


@pytest.mark.parametrize(("table", "overwritten", "why"), [
    (KEYLESS, IN_A_BLOCK, "no primary key or unique index finds its rows again"),
    (KEYED, "UPDATE shop SET id = id + 100", "their key was overwritten, or they were written through another table"),
    (KEYED, "DO $$ BEGIN UPDATE shop SET id = 1000 - id; END $$", "their key was overwritten, or they were written"),
])  # fmt: skip
def test_what_cannot_be_found_again_is_said_to_be_lost(
    servers: Servers, folder: Path, table: str, overwritten: str, why: str
) -> None:
    """An open environment takes that as consented to; elsewhere it is refused."""
    with open_house(servers, folder, shortcut=False) as house:
        job = _run(house, table, f"{overwritten}; TRUNCATE shop")
        assert f"lost, as was consented to: rows of shop: {why}" in (job.steps[0].notice or "")


def test_a_truncation_that_nothing_was_written_before_needs_no_key(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, shortcut=False) as house:
        job = _run(house, KEYLESS, "DO $$ BEGIN UPDATE shop SET name = 'x' WHERE id > 99; END $$; TRUNCATE shop")
        assert job.state is JobState.SUCCEEDED
        house.do(JobKind.ROLLBACK)
        assert len(_stands(house)) == 20
