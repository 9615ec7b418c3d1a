"""What a step has made of values is known, however it is said afterwards and whatever type holds it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.job import JobKind, JobState
from tests.support.house import House, locked_house, open_house
from tests.support.servers import Servers, execute, fetch, value

MOODS = (
    "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TABLE shop (id int PRIMARY KEY, m mood);"
    "INSERT INTO shop VALUES (1, 'sad'), (2, 'glad')"
)
NUMBERS = "CREATE TABLE shop (id int PRIMARY KEY, n int, name text); INSERT INTO shop VALUES (1, 7, 'Ann'), (2, 8, 'b')"
PARTED = (
    "CREATE TABLE shop (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);"
    "CREATE TABLE few PARTITION OF shop FOR VALUES FROM (0) TO (10); INSERT INTO shop VALUES (1, 7), (2, 8)"
)
DAYS = "CREATE TABLE shop (id int PRIMARY KEY, day date); INSERT INTO shop VALUES (1, '2020-10-05'), (2, 'infinity')"
PRICES = "CREATE TABLE shop (id int PRIMARY KEY, price numeric(5, 2)); INSERT INTO shop VALUES (1, 1.5)"
UPPER = "ALTER TABLE shop ALTER name TYPE text USING upper(name)"


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, shortcut=False) as house:
        yield house


@pytest.mark.parametrize(("setup", "up", "down"), [
    (MOODS, "UPDATE shop SET m = 'glad'; ALTER TYPE mood RENAME VALUE 'glad' TO 'merry'",
     "ALTER TYPE mood RENAME VALUE 'merry' TO 'glad'"),
    (PRICES, "UPDATE shop SET price = 5; ALTER TABLE shop ALTER price TYPE numeric(10, 4)",
     "ALTER TABLE shop ALTER price TYPE numeric(5, 2)"),
    (DAYS, "UPDATE shop SET day = '2021-01-01'; ALTER TABLE shop ALTER day TYPE timestamp",
     "ALTER TABLE shop ALTER day TYPE date"),
    (DAYS, "SET timezone = 'Asia/Tokyo'; ALTER TABLE shop ALTER day TYPE timestamptz",
     "SET timezone = 'UTC'; ALTER TABLE shop ALTER day TYPE date"),
    (DAYS, "SET datestyle = 'SQL, DMY'; ALTER TABLE shop ALTER day TYPE text",
     "SET datestyle = 'SQL, MDY'; ALTER TABLE shop ALTER day TYPE date USING day::date"),
    (NUMBERS, "ALTER TABLE shop ALTER n TYPE text USING NULL", "ALTER TABLE shop ALTER n TYPE int USING n::int"),
    (NUMBERS, "ALTER TABLE shop ALTER n TYPE bigint USING n::smallint * 2", "ALTER TABLE shop ALTER n TYPE int"),
    (NUMBERS, "ALTER TABLE shop ALTER n TYPE bigint USING 15 - n, ALTER name TYPE char USING 'x'",
     "ALTER TABLE shop ALTER n TYPE int, ALTER name TYPE text"),
    (NUMBERS, UPPER, "SELECT 1"),
    (NUMBERS, f"DO $$ BEGIN {UPPER}; END $$", "SELECT 1"),
    (NUMBERS, f"{UPPER}; UPDATE shop SET name = 'x' WHERE id = 1; DELETE FROM shop WHERE id = 2", "SELECT 1"),
    (NUMBERS, "DO $$ BEGIN ALTER TABLE shop ALTER n TYPE bigint; UPDATE shop SET n = 5000000000 WHERE id = 1;"
     "DELETE FROM shop WHERE id = 1; END $$", "ALTER TABLE shop ALTER n TYPE int"),
    (PARTED, "ALTER TABLE shop ALTER n TYPE bigint USING 0", "ALTER TABLE shop ALTER n TYPE int"),
])  # fmt: skip
def test_every_value_is_what_it_was_before(house: House, setup: str, up: str, down: str) -> None:
    execute(house.dsn, setup)
    stood = fetch(house.dsn, "SELECT shop::text FROM shop ORDER BY id")
    house.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\n{down};\n")
    for _ in range(2):
        assert house.do(JobKind.RUN).state is JobState.SUCCEEDED
        job = house.do(JobKind.ROLLBACK)
        assert job.state is JobState.SUCCEEDED and "changed since" not in (job.steps[0].notice or ""), job
        assert fetch(house.dsn, "SELECT shop::text FROM shop ORDER BY id") == stood


@pytest.mark.parametrize("up", [
    "ALTER TABLE shop ALTER n TYPE bigint USING n::bigint, ALTER name TYPE varchar USING (name)",
    "DO $$ BEGIN ALTER TABLE shop ALTER n TYPE bigint, ALTER name SET NOT NULL; END $$",
    "DO $$ BEGIN ALTER TABLE shop ALTER n TYPE text; END $$",
])  # fmt: skip
@pytest.mark.parametrize("key", ["", "; ALTER TABLE shop DROP CONSTRAINT shop_pkey"])
def test_of_a_cast_that_holds_every_value_nothing_is_kept(house: House, up: str, key: str) -> None:
    execute(house.dsn, f"{NUMBERS}{key}")
    house.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\nSELECT 1;\n")
    job = house.do(JobKind.RUN)
    assert (job.state, job.steps[0].notice) == (JobState.SUCCEEDED, None), job
    assert value(house.dsn, "SELECT count(*) FROM pg_class WHERE relname ~ '^kept_'") == 0


def test_a_row_that_cannot_be_read_any_more_when_it_goes_is_said_to_be_lost(house: House) -> None:
    execute(house.dsn, NUMBERS)
    up = "UPDATE shop SET n = 5000000000 WHERE id = 1; DELETE FROM shop WHERE id = 1"
    house.write("1_it.sql", f"-- migrate:up\nALTER TABLE shop ALTER n TYPE bigint; {up};\n-- migrate:down\nSELECT 1;\n")
    notice = house.do(JobKind.RUN).steps[0].notice or ""
    assert "lost, as was consented to: rows of shop: what stood there cannot be read any more" in notice


def test_what_is_made_anew_without_a_key_needs_consent(servers: Servers, folder: Path) -> None:
    unread = f"DO $block$ BEGIN EXECUTE $it$DO $in$ BEGIN {UPPER}; END $in${'$it$'}; END $block$"
    with locked_house(servers, folder, "UNSEEN_STATEMENTS", "LINT") as house:
        execute(house.dsn, "CREATE TABLE shop (name text); INSERT INTO shop VALUES ('a')")
        house.write("1_it.sql", f"-- migrate:up\n{unread};\n-- migrate:down\nSELECT 1;\n")
        job = house.do(JobKind.RUN)
        assert job.reason == "refused" and job.error is not None, job
        assert "name of shop: no primary key or unique index finds its rows again" in job.error.message
