"""What a step must not leave behind is found inside its transaction, and taken back with it."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.adapters.target.incremental import SchemaReader
from app.domain.environment import Dsn, Environment, OnDrift, SchemaCheck
from app.domain.failure import Failure, FailureCode
from app.domain.job import JobKind, JobState
from tests.support.house import House, installed_database, open_house
from tests.support.servers import Servers, execute, fetch, held, value

pytestmark = pytest.mark.servers

TABLES = "CREATE TABLE orders (id int PRIMARY KEY, note text); CREATE TABLE lines (id int, order_id int)"
NOT_VALID = "ALTER TABLE lines ADD CONSTRAINT positive CHECK (id > 0) NOT VALID"
HIDDEN = "DO $$ BEGIN EXECUTE 'ALTER TABLE lines ADD CONSTRAINT positive CHECK (id > 0) NOT ' || 'VALID'; END $$"
PYTHON = (
    'name = "hidden"\nversion = "1"\ndependencies = []\n\n'
    "async def up(connection):\n"
    '    await connection.execute("ALTER TABLE lines ADD CONSTRAINT positive CHECK (id > 0) NOT" + " VALID")\n'
)
READER = "CREATE FUNCTION notes() RETURNS SETOF text LANGUAGE sql AS $$ SELECT note FROM orders $$"
BROKEN_ALREADY = (
    "SET check_function_bodies = off; "
    "CREATE FUNCTION old() RETURNS int LANGUAGE sql AS $$ SELECT nobody FROM orders $$; RESET check_function_bodies"
)
ATOMIC = "CREATE FUNCTION kept() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM lines; END"


def opened(servers: Servers, folder: Path, **policy: Any) -> Any:
    dsn = installed_database(servers)
    execute(dsn, TABLES)
    environment = Environment("development", Dsn(dsn), **policy)
    return open_house(servers, folder, dsn, environments={"development": environment}, shortcut=False)


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with opened(servers, folder) as house:
        yield house


def failure_of(house: House) -> Failure:
    job = house.do()
    assert job.state is JobState.FAILED and job.error is not None, job
    return job.error


def up(*statements: str) -> str:
    return "-- migrate:up\n" + "".join(f"{one};\n" for one in statements)


def has(house: House, relation: str, column: str) -> bool:
    found = fetch(
        house.dsn, "SELECT 1 FROM pg_attribute WHERE attrelid = $1::text::regclass AND attname = $2", relation, column
    )
    return bool(found)


@pytest.mark.parametrize(
    ("file", "text"), [("1_hidden.sql", up(HIDDEN)), ("1_hidden.py", PYTHON)], ids=["in a DO block", "in Python"]
)
def test_a_constraint_that_nobody_validated_and_the_file_does_not_ask_for_is_taken_back(
    house: House, file: str, text: str
) -> None:
    house.write(file, text)

    failure = failure_of(house)

    assert failure.code is FailureCode.VERIFY_FAILED
    assert "the constraint positive on lines" in failure.message and "NOT VALID" in (failure.hint or "")
    assert fetch(house.dsn, "SELECT 1 FROM pg_constraint WHERE conname = 'positive'") == []
    assert fetch(house.dsn, "SELECT 1 FROM liftlock.migrations WHERE scope = '' AND status = 'completed'") == []


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param([NOT_VALID], id="asked for"),
        pytest.param([HIDDEN, "ALTER TABLE lines VALIDATE CONSTRAINT positive"], id="validated after all"),
        pytest.param(["DO $$ BEGIN EXECUTE 'ALTER TABLE orders ADD COLUMN x int'; END $$"], id="none at all"),
    ],
)
def test_what_is_valid_or_asked_for_may_stay(house: House, statements: list[str]) -> None:
    house.write("1_a.sql", up(*statements))

    assert house.do().state is JobState.SUCCEEDED


SOUND_ELSEWHERE = "CREATE SCHEMA app; CREATE TABLE app.k (c int)"
WITH_PATH = "CREATE FUNCTION app.{name}() RETURNS bigint LANGUAGE sql SET search_path = app AS 'SELECT sum(c) FROM k'"


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param(["ALTER TABLE orders ADD COLUMN x int", WITH_PATH.format(name="g")], id="new, with its own path"),
        pytest.param(["ALTER FUNCTION app.f() RENAME TO f2"], id="renamed, with its own path"),
        pytest.param(["ALTER FUNCTION notes() RENAME TO remarks"], id="renamed"),
        pytest.param(
            [
                "SET check_function_bodies = off",
                "ALTER TABLE orders ADD COLUMN x int",
                "CREATE FUNCTION total() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM later'",
                "CREATE TABLE app.later ()",
            ],
            id="new, before what it reads",
        ),
    ],
)
def test_what_did_not_stand_before_or_cannot_be_judged_is_no_reason(house: House, statements: list[str]) -> None:
    execute(house.dsn, f"{SOUND_ELSEWHERE}; {WITH_PATH.format(name='f')}; {READER}")
    house.write("1_a.sql", up(*statements))

    assert house.do().state is JobState.SUCCEEDED


def test_a_table_that_the_step_does_not_touch_is_not_waited_for_and_not_held(house: House) -> None:
    execute(house.dsn, READER)
    ours = "SELECT 1 FROM pg_locks WHERE pid = pg_backend_pid() AND relation = {orders}"
    orders = value(house.dsn, "SELECT 'orders'::regclass::oid")
    looks = f"DO $$ BEGIN IF EXISTS ({ours.format(orders=orders)}) THEN RAISE 'it is held'; END IF; END $$"
    house.write("1_a.sql", up("ALTER TABLE lines ADD COLUMN x int", looks))
    assert house.do().state is JobState.SUCCEEDED
    house.write("2_b.sql", up("ALTER TABLE lines ADD COLUMN y int", "DO $$ BEGIN PERFORM 1; END $$"))

    with held(house.dsn, "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE", "reporting"):
        # drift cannot be told meanwhile; that the step waits for nobody is another matter
        job = house.do(on_drift=OnDrift.IGNORE)

    assert job.state is JobState.SUCCEEDED and job.steps[0].state.value == "applied"
    # who looks for waiting sessions may have met the look at it, which gives way in 100 ms
    waited = "SELECT COALESCE(max(at) - min(at), '0') < interval '1 s' FROM liftlock_control.job_locks WHERE job_id = "
    assert value(house.dsn, f"{waited}'{job.id}'")


@pytest.mark.parametrize(
    "statement",
    ["ALTER TABLE lines RENAME CONSTRAINT positive TO above", "ALTER TABLE lines ALTER COLUMN id TYPE bigint"],
)
def test_one_that_was_not_valid_before_stays_so_under_another_name_or_type(house: House, statement: str) -> None:
    execute(house.dsn, NOT_VALID)
    house.write("1_a.sql", up(statement, "UPDATE lines SET id = id"))

    assert house.do().state is JobState.SUCCEEDED


def test_a_comment_does_not_ask_for_it(house: House) -> None:
    house.write("1_a.sql", "-- migrate:up\n-- numbers that are not valid are cleaned\n" + HIDDEN + ";\n")

    assert failure_of(house).code is FailureCode.VERIFY_FAILED


def test_what_others_have_left_unvalidated_is_not_held_against_a_step(house: House) -> None:
    execute(house.dsn, NOT_VALID)
    house.write("1_a.sql", up("DO $$ BEGIN EXECUTE 'ALTER TABLE lines ADD COLUMN x int'; END $$"))

    assert house.do().state is JobState.SUCCEEDED


@pytest.mark.parametrize(
    "statement", ["ALTER TABLE orders DROP COLUMN note", "ALTER TABLE orders RENAME TO sales", "DROP TABLE orders"]
)
def test_a_function_that_does_not_fit_any_more_takes_the_step_back(house: House, statement: str) -> None:
    execute(house.dsn, READER)
    house.write("1_a.sql", up(statement))

    failure = failure_of(house)

    assert failure.code is FailureCode.VERIFY_FAILED and "notes()" in failure.message
    assert has(house, "orders", "note")


def test_a_function_that_is_changed_with_it_is_none(house: House) -> None:
    execute(house.dsn, READER)
    changed = READER.replace("CREATE", "CREATE OR REPLACE").replace("note FROM", "remark FROM")
    house.write("1_a.sql", up("ALTER TABLE orders RENAME note TO remark", changed))

    assert house.do().state is JobState.SUCCEEDED


def test_a_function_that_was_broken_before_is_nobodys_fault(house: House) -> None:
    execute(house.dsn, BROKEN_ALREADY)
    execute(house.dsn, ATOMIC)
    house.write("1_a.sql", up("ALTER TABLE orders DROP COLUMN note"))

    assert house.do().state is JobState.SUCCEEDED


def test_a_function_made_in_the_same_run_is_looked_at_too(house: House) -> None:
    house.write("1_a.sql", up("ALTER TABLE orders ADD COLUMN x int"))
    house.write("2_b.sql", up(READER))
    house.write("3_c.sql", up("ALTER TABLE orders DROP COLUMN note"))

    failure = failure_of(house)

    assert failure.file == "3_c.sql" and "notes()" in failure.message
    assert house.statuses() == {"a": "completed", "b": "completed", "c": "failed"}


def test_where_the_schema_is_not_checked_nothing_is_looked_at(servers: Servers, folder: Path) -> None:
    with opened(servers, folder, schema_check=SchemaCheck.OFF) as house:
        execute(house.dsn, READER)
        house.write("1_a.sql", up(HIDDEN))
        house.write("2_b.sql", up("DROP TABLE orders"))

        assert house.do().state is JobState.SUCCEEDED


def test_each_step_notes_the_fingerprint_that_its_undoing_must_come_back_to(servers: Servers, folder: Path) -> None:
    fingerprints = "SELECT name, encode(schema_fingerprint, 'hex') AS print FROM liftlock.migrations WHERE scope = ''"
    with opened(servers, folder, schema_check=SchemaCheck.STEP) as house:
        house.write("1_a.sql", up("CREATE TABLE a ()") + "-- migrate:down\nDROP TABLE a;\n")
        house.write("2_b.sql", up("CREATE TABLE b ()") + "-- migrate:down\nDROP TABLE b;\n")
        house.do()
        first = {row["name"]: row["print"] for row in fetch(house.dsn, fingerprints)}
        assert None not in first.values() and len(set(first.values())) == 2

        house.do(JobKind.ROLLBACK)

        undone = {row["name"]: row["print"] for row in fetch(house.dsn, fingerprints)}
        assert undone["b"] == first["a"], "after the undoing the schema is as it was before"
        recorded = value(house.dsn, "SELECT encode(fingerprint, 'hex') FROM liftlock.schema_state WHERE scope = ''")
        assert recorded == first["a"]


def test_what_a_script_deallocates_is_not_missed_by_the_looks_after_it(servers: Servers, folder: Path) -> None:
    """The first look, which has a record to hold the schema against, has prepared what the later ones ask."""
    prints = "SELECT encode(schema_fingerprint, 'hex') FROM liftlock.migrations WHERE scope = '' AND name = 'b'"
    with opened(servers, folder, schema_check=SchemaCheck.STEP) as house:
        house.write("1_a.sql", up("CREATE TABLE a ()", "CREATE SEQUENCE tries"))
        house.do()
        house.write("2_b.sql", up("SELECT nextval('tries')", "CREATE TABLE b ()", "DEALLOCATE ALL"))

        assert house.do().state is JobState.SUCCEEDED

        recorded = value(house.dsn, "SELECT encode(fingerprint, 'hex') FROM liftlock.schema_state WHERE scope = ''")
        assert value(house.dsn, prints) == recorded
        assert value(house.dsn, "SELECT last_value FROM tries") == 1, "the step was done again"


def test_what_was_read_of_a_schema_goes_with_its_job(servers: Servers, folder: Path) -> None:
    """By itself: a worker looks for garbage seldom, and a large schema is some megabytes."""
    with opened(servers, folder) as house:
        house.write("1_a.sql", up("CREATE TABLE a ()"))
        house.do()
        house.write("2_b.sql", up("CREATE TABLE b ()"))
        gc.collect()
        gc.disable()
        try:
            assert house.do().state is JobState.SUCCEEDED
            assert not [one for one in gc.get_objects() if isinstance(one, SchemaReader)]
        finally:
            gc.enable()
