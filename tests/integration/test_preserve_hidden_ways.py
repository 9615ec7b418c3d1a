"""What a step does by ways that neither its text nor a single count shows: it is kept, or said to be lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.job import JobKind, JobState
from tests.support.house import House, locked_house, open_house
from tests.support.servers import Servers, execute, fetch

SHOP = "CREATE TABLE shop (id int PRIMARY KEY, name text, n int)"
FILLED = f"{SHOP}; INSERT INTO shop SELECT at, 'name ' || at, at FROM generate_series(1, 20) AS at"
COUNTED = (
    f"{FILLED}; CREATE FUNCTION counts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    "  IF pg_trigger_depth() = 1 THEN UPDATE shop SET n = n + 100 WHERE id = NEW.id; END IF; RETURN NULL; END $$;"
    "CREATE TRIGGER counts AFTER UPDATE ON shop FOR EACH ROW EXECUTE FUNCTION counts()"
)
CLEANED_LATER = (
    f"{FILLED}; CREATE TABLE job (id int PRIMARY KEY); INSERT INTO job VALUES (1);"
    "CREATE FUNCTION cleans() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    "  DELETE FROM shop WHERE id = NEW.id; RETURN NULL; END $$;"
    "CREATE CONSTRAINT TRIGGER cleans AFTER UPDATE ON job DEFERRABLE INITIALLY DEFERRED"
    "  FOR EACH ROW EXECUTE FUNCTION cleans()"
)
PARTED = (
    f"{SHOP} PARTITION BY RANGE (id); CREATE TABLE few PARTITION OF shop FOR VALUES FROM (0) TO (10);"
    "CREATE TABLE many PARTITION OF shop FOR VALUES FROM (10) TO (100);"
    "INSERT INTO shop SELECT at, 'name ' || at, at FROM generate_series(1, 20) AS at"
)
ATTACHED = "ALTER TABLE shop ATTACH PARTITION few FOR VALUES FROM (0) TO (10)"
HEIRS = (
    "CREATE TABLE shop (id int, name text, n int); CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (shop);"
    "INSERT INTO heir SELECT at, 'name ' || at, at FROM generate_series(1, 20) AS at; INSERT INTO shop VALUES (0)"
)
HIDDEN = f"{FILLED}; ALTER TABLE shop ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
PRICES = "CREATE TABLE shop (id numeric PRIMARY KEY, name text, n int); INSERT INTO shop VALUES (1.0, 'name 1', 1)"
UNSEEN = "their key was overwritten, or they were written through another table"
ONCE = "repeatable = False\nname = 'it'\nversion = '1'\nasync def up(connection):\n    await connection.execute({!r})\n"
NEW = "TRUNCATE ONLY shop; INSERT INTO shop VALUES (99)"


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, shortcut=False) as house:
        yield house


@pytest.fixture
def locked(servers: Servers, folder: Path) -> Iterator[House]:
    """DATA_LOSS is not consented to."""
    with locked_house(servers, folder, "UNSEEN_STATEMENTS", "LINT") as house:
        yield house


def _in_a_block(statements: str) -> str:
    """The plan does not read what it works out."""
    return f"DO $block$ BEGIN EXECUTE $it$DO $in$ BEGIN {statements}; END $in${'$it$'}; END $block$"


@pytest.mark.parametrize(("setup", "up", "down"), [
    (COUNTED, "UPDATE shop SET name = 'x'", "SELECT 1"),
    (COUNTED, "UPDATE shop SET name = 'x'; UPDATE shop SET name = 'y'; TRUNCATE shop", "SELECT 1"),
    (CLEANED_LATER, "UPDATE job SET id = id", "SELECT 1"),
    (CLEANED_LATER, f"SET CONSTRAINTS ALL DEFERRED; {_in_a_block('UPDATE job SET id = 2 - id')}", "SELECT 1"),
    (PARTED, "UPDATE few SET name = 'x' WHERE id = 1; UPDATE shop SET n = 0", "SELECT 1"),
    (PARTED, "UPDATE shop SET name = 'x'; UPDATE few SET name = 'y' WHERE id < 5; UPDATE shop SET n = 0", "SELECT 1"),
    (PARTED, f"ALTER TABLE shop DETACH PARTITION few; UPDATE few SET n = 0; {ATTACHED}; UPDATE shop SET name = 'x'",
     "SELECT 1"),
    (PARTED, "ALTER TABLE shop DETACH PARTITION few; ALTER TABLE few DROP name",
     f"ALTER TABLE few ADD name text; {ATTACHED}"),
    (PARTED, "ALTER TABLE shop DETACH PARTITION few; ALTER TABLE few ALTER name TYPE char USING 'x'",
     f"ALTER TABLE few ALTER name TYPE text; {ATTACHED}"),
    (PARTED, f"ALTER TABLE shop DETACH PARTITION few; ALTER TABLE few DROP name, ADD name text; {ATTACHED}",
     "SELECT 1"),
    (PARTED, "ALTER TABLE shop DETACH PARTITION few; ALTER TABLE few DROP name; ALTER TABLE shop DROP name, DROP n",
     f"ALTER TABLE few ADD name text; ALTER TABLE shop ADD name text; ALTER TABLE few DROP n; {ATTACHED};"
     "ALTER TABLE shop ADD n int"),
])  # fmt: skip
def test_it_is_all_there_again(house: House, setup: str, up: str, down: str) -> None:
    execute(house.dsn, setup)
    house.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\n{down};\n")
    for _ in range(2):
        job = house.do(JobKind.RUN)
        assert job.state is JobState.SUCCEEDED and "lost" not in (job.steps[0].notice or ""), job
        assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED
        stands = fetch(house.dsn, "SELECT id, name, n FROM shop ORDER BY id")
        assert [tuple(row) for row in stands] == [(at, f"name {at}", at) for at in range(1, 21)]


@pytest.mark.parametrize(("old", "new"), [("timestamp", "timestamptz"), ("timestamptz", "timestamp")])
def test_an_hour_that_comes_twice_in_autumn_and_one_that_never_comes_are_not_mixed_up(
    house: House, old: str, new: str
) -> None:
    hours = "('2020-10-25 00:30Z'), ('2020-10-25 01:30Z'), ('2020-03-29 02:30')"
    execute(house.dsn, f"CREATE TABLE log (at {old}, id serial PRIMARY KEY); INSERT INTO log VALUES {hours}")
    stood = fetch(house.dsn, "SELECT * FROM log ORDER BY id")
    up, down = (f"SET timezone = 'Europe/Berlin'; ALTER TABLE log ALTER at TYPE {one}" for one in (new, old))
    house.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\n{down};\n")
    assert house.do(JobKind.RUN).state is JobState.SUCCEEDED
    assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED
    assert fetch(house.dsn, "SELECT * FROM log ORDER BY id") == stood


@pytest.mark.parametrize(("setup", "up", "why"), [
    (HEIRS, "UPDATE shop SET name = 'x' WHERE id > 0; TRUNCATE heir", f"rows of heir: {UNSEEN}"),
    (HEIRS, "DELETE FROM shop WHERE id > 5; TRUNCATE heir", f"rows of heir: {UNSEEN}"),
    (HEIRS, NEW, "rows of shop: other tables inherit from it"),
    (HIDDEN, NEW, "rows of shop: row security is forced on it"),
    (PRICES, "UPDATE shop SET id = 1.00", f"rows of shop: {UNSEEN}"),
    (PARTED, "UPDATE few SET name = 'x'; TRUNCATE few; ALTER TABLE many DISABLE TRIGGER USER;"
     "UPDATE many SET name = 'x' WHERE id < 15; ALTER TABLE many ENABLE TRIGGER USER",
     "rows of shop: the step switches the triggers of the table off"),
])  # fmt: skip
def test_what_nobody_could_keep_needs_consent(locked: House, setup: str, up: str, why: str) -> None:
    execute(locked.dsn, setup)
    locked.write("1_it.sql", f"-- migrate:up\n{_in_a_block(up)};\n-- migrate:down\nSELECT 1;\n")
    job = locked.do(JobKind.RUN)
    assert job.reason == "refused" and job.error is not None, job
    assert why in job.error.message


def test_a_file_that_runs_once_is_not_taken_for_harmless_when_it_truncates_and_inserts(house: House) -> None:
    execute(house.dsn, FILLED)
    house.write("1_it.py", f"{ONCE.format(NEW)}async def down(connection): pass\n")
    assert "lost, as was consented to: rows of shop" in (house.do(JobKind.RUN).steps[0].notice or "")


def test_a_file_that_runs_once_and_rewrites_a_table_has_not_emptied_it(house: House) -> None:
    execute(house.dsn, FILLED)
    up = "ALTER TABLE shop ALTER n TYPE bigint; INSERT INTO shop VALUES (99)"
    house.write("1_it.py", f"{ONCE.format(up)}async def down(connection): pass\n")
    assert "lost" not in (house.do(JobKind.RUN).steps[0].notice or "")


@pytest.mark.parametrize("undone", [
    "UPDATE shop SET id = id + 100", "UPDATE shop SET name = 'y'; TRUNCATE shop", "DELETE FROM shop",
])  # fmt: skip
def test_what_a_block_has_taken_back_itself_is_no_loss(locked: House, undone: str) -> None:
    execute(locked.dsn, FILLED)
    block = f"BEGIN {undone}; RAISE 'no'; EXCEPTION WHEN raise_exception THEN NULL; END"
    up = _in_a_block(f"UPDATE shop SET n = 0; {block}; TRUNCATE shop")
    locked.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\nSELECT 1;\n")
    assert locked.do(JobKind.RUN).state is JobState.SUCCEEDED
    execute(locked.dsn, "INSERT INTO shop VALUES (99)")
