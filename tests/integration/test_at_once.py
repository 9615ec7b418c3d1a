"""A script that only defines things is one message; its errors are as exact as if each statement were alone."""

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.adapters.target import queries
from app.adapters.target.prepared import Prepared
from app.domain.failure import Failure
from app.domain.job import JobKind, JobState
from app.domain.step import Atomicity
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, held, value

pytestmark = pytest.mark.servers

FAIR = "-- migrate:up\nCREATE TABLE a (id int);\nCREATE INDEX a_id ON a (id);\n-- migrate:down\nDROP TABLE a;\n"
"""Two statements that only define something."""


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, shortcut=False) as opened:
        yield opened


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every message without parameters, as it goes to a server."""
    messages: list[str] = []
    send = asyncpg.Connection.execute

    async def noting(self: asyncpg.Connection, query: str, *args: object, **options: object) -> str:
        messages.append(query)
        return await send(self, query, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncpg.Connection, "execute", noting)
    return messages


def test_statements_and_ledger_row_are_one_message_and_one_transaction(house: House, sent: list[str]) -> None:
    house.write("1_a.sql", FAIR)

    assert house.do().state is JobState.SUCCEEDED

    (message,) = [one for one in sent if "CREATE TABLE a " in one]
    assert "CREATE INDEX a_id" in message and "EXECUTE liftlock_" in message
    written = "SELECT xmin::text FROM liftlock.migration_events WHERE name = 'a'"
    assert value(house.dsn, written) == value(house.dsn, "SELECT xmin::text FROM pg_class WHERE relname = 'a_id'")
    duration = value(house.dsn, "SELECT duration_ms FROM liftlock.migration_events")
    assert duration == value(house.dsn, "SELECT duration_ms FROM liftlock.migrations") and duration is not None


def test_a_down_goes_the_same_way(house: House, sent: list[str]) -> None:
    house.write("1_a.sql", FAIR.replace("DROP TABLE a", "DROP INDEX a_id"))
    house.do()

    assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED

    assert [one for one in sent if "DROP INDEX a_id\n;EXECUTE liftlock_" in one]
    assert house.statuses() == {"a": "rolled_back"}


@pytest.mark.parametrize(
    ("broken", "sqlstate", "line", "column"),
    [
        pytest.param("CREATE VIEW v AS SELECT näme FROM a", "42703", 5, 25, id="a place in the second statement"),
        pytest.param("CREATE TABEL b ()", "42601", 5, 8, id="syntax, before anything runs"),
        pytest.param("CREATE TABLE a ()", "42P07", 5, 1, id="no place: the statement is found by another try"),
        pytest.param(
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT nobody $$", "42703", 5, 59, id="inside a body"
        ),
    ],
)
def test_an_error_has_its_statement_and_its_place(
    house: House, broken: str, sqlstate: str, line: int, column: int
) -> None:
    text = f"-- migrate:up\n-- üben\nCREATE TABLE a (id int);\n\n{broken};\nCREATE TABLE z ();\n"
    house.write("1_a.sql", text)

    failure = failure_of(house)

    assert (failure.sqlstate, failure.line, failure.column) == (sqlstate, line, column)
    assert failure.statement == broken
    assert fetch(house.dsn, "SELECT 1 FROM pg_class WHERE relname IN ('a', 'z')") == []
    assert house.statuses() == {"a": "failed"}


def test_one_that_waits_for_a_lock_says_for_which_statement_at_its_next_try(house: House) -> None:
    execute(house.dsn, "CREATE TABLE busy (id int)")
    house.write("1_a.sql", "-- migrate:up\nCREATE TABLE a ();\nALTER TABLE busy ADD COLUMN x int;\n")

    with held(house.dsn, "LOCK TABLE busy", "billing"):
        job = house.do()

    assert job.reason == "lock_timeout"
    assert job.error is not None and (job.error.line, job.error.statement) == (3, "ALTER TABLE busy ADD COLUMN x int")


def test_a_right_that_is_missing_for_the_ledger_row_is_not_blamed_on_the_script(house: House) -> None:
    house.write("1_a.sql", "-- migrate:up\nCREATE TABLE a ();\n")
    house.do()
    house.write("2_b.sql", "-- migrate:up\nCREATE TABLE b ();\n")
    execute(
        house.dsn,
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE insufficient_privilege USING message = 'not here'; END $$; "
        "CREATE TRIGGER no BEFORE INSERT ON liftlock.migrations FOR EACH ROW "
        "WHEN (NEW.status = 'completed') EXECUTE FUNCTION no()",
    )

    failure = failure_of(house)

    assert (failure.message, failure.line, failure.statement) == ("not here", None, None)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO a VALUES (1)",
        "SET LOCAL search_path = public",
        "DO $$ BEGIN NULL; END $$",
        "COMMENT ON TABLE a IS 'back\\slash'",
        "CREATE TEMP TABLE t ()",
        "COMMENT ON SCHEMA liftlock IS 'ours'",
        "DROP OWNED/**/BY nobody_in_particular",
    ],
)
def test_anything_else_goes_statement_by_statement(house: House, sent: list[str], statement: str) -> None:
    execute(house.dsn, "DROP ROLE IF EXISTS nobody_in_particular; CREATE ROLE nobody_in_particular")
    house.write("1_a.sql", f"-- migrate:up\nCREATE TABLE a (id int);\n{statement};\n")

    assert house.do().state is JobState.SUCCEEDED
    execute(house.dsn, "DROP ROLE nobody_in_particular")

    assert "CREATE TABLE a (id int)" in sent


def test_a_whole_run_in_one_transaction_is_found_out_too(house: House) -> None:
    house.write("1_a.sql", FAIR)
    house.write("2_b.sql", "-- migrate:up\nCREATE TABLE b ();\nCREATE TABLE a ();\n")

    job = house.do(atomic=Atomicity.RUN)

    assert job.error is not None and (job.error.file, job.error.line) == ("2_b.sql", 3)
    assert fetch(house.dsn, "SELECT 1 FROM pg_class WHERE relname IN ('a', 'b')") == []


def test_a_pooler_that_hands_out_another_connection_in_between_fails_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.write("1_a.sql", "-- migrate:up\nCREATE TABLE a ();\n")
    call = Prepared.call

    async def forgotten(self: Prepared, query: str, *args: object) -> str | None:
        made = await call(self, query, *args)  # type: ignore[arg-type]
        if query == queries.RECORD_UP:
            await self._connection.execute("DEALLOCATE ALL")
        return made

    monkeypatch.setattr(Prepared, "call", forgotten)

    assert house.do().state is JobState.SUCCEEDED

    assert house.statuses() == {"a": "completed"}
    assert value(house.dsn, "SELECT count(*) FROM liftlock.steps WHERE scope = ''") == 1


def failure_of(house: House) -> Failure:
    job = house.do()
    assert job.state is JobState.FAILED and job.error is not None, job
    return job.error
