"""Bad migrations: each a clear error with its place, nothing half done, and the next good run works."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.errors import MigrationsInvalid
from app.domain.failure import FailureCode
from app.domain.job import Job, JobKind, JobState
from app.domain.settling import MarkAs
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, value

pytestmark = pytest.mark.servers


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder) as opened:
        yield opened


def failed(job: Job) -> tuple[str | None, int | None, int | None]:
    assert job.state is JobState.FAILED and job.error is not None, job
    assert job.error.left_behind and job.error.next_steps
    return job.error.file, job.error.line, job.error.column


def test_broken_sql_is_shown_with_a_caret(house: House) -> None:
    house.write("1_bad.sql", "-- a header\n-- migrate:up\nCREATE TABLE ok (id int);\n\n  SELEC 1;\n")

    job = house.do()

    assert failed(job) == ("1_bad.sql", 5, 3)
    assert job.error is not None and job.error.caret == "  SELEC 1;\n  ^"
    assert job.error.statement == "SELEC 1"


def test_an_error_inside_a_do_block_points_into_it(house: House) -> None:
    text = "-- migrate:up\nDO $$\nBEGIN\n  PERFORM 1;\n  RAISE EXCEPTION 'no more';\nEND $$;\n"
    house.write("1_bad.sql", text)

    job = house.do()

    assert failed(job) == ("1_bad.sql", 5, 3)
    assert job.error is not None and job.error.sqlstate == "P0001"


def test_an_error_in_a_query_inside_a_do_block_points_at_the_word(house: House) -> None:
    text = "-- migrate:up\nDO $$\nBEGIN\n  PERFORM nothing FROM nowhere;\nEND $$;\n"
    house.write("1_bad.sql", text)

    file, line, _ = failed(house.do())

    assert (file, line) == ("1_bad.sql", 4)


def test_an_error_inside_a_function_keeps_its_context(house: House) -> None:
    text = (
        "-- migrate:up\nCREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN 1 / 0;\nEND $$;\n"
        "SELECT f();\n"
    )
    house.write("1_bad.sql", text)

    job = house.do()

    assert failed(job) == ("1_bad.sql", 6, 1)
    assert job.error is not None and "function f() line 3" in (job.error.context or "")


def test_a_deferred_constraint_that_speaks_at_commit_fails_the_step(house: House) -> None:
    house.write(
        "1_bad.sql",
        "-- migrate:up\nCREATE TABLE p (id int PRIMARY KEY);\n"
        "CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO c VALUES (1);\n",
    )

    job = house.do()

    assert job.error is not None and job.error.sqlstate == "23503"
    assert value(house.dsn, "SELECT to_regclass('p')::text") is None
    assert house.statuses() == {"bad": "failed"}


def test_a_false_verify_block_rolls_its_migration_back(house: House) -> None:
    text = "-- migrate:up\nCREATE TABLE t (id int);\n-- migrate:verify\nSELECT count(*) > 0 FROM t;\n"
    house.write("1_bad.sql", text)

    job = house.do()

    assert failed(job) == ("1_bad.sql", 4, 1)
    assert job.reason == "verify_failed"
    assert value(house.dsn, "SELECT to_regclass('t')::text") is None


def test_a_python_migration_that_raises_is_shown_where_it_stood(house: House) -> None:
    create = "await connection.execute('CREATE TABLE t (id int)')"
    house.write("1_bad.py", f"async def up(connection):\n    {create}\n    raise ValueError('no')\n")

    job = house.do()

    assert failed(job)[:2] == ("1_bad.py", 3)
    assert job.error is not None and job.error.code is FailureCode.PYTHON_ERROR
    assert value(house.dsn, "SELECT to_regclass('t')::text") is None


def test_a_python_migration_may_not_end_its_transaction(house: House) -> None:
    house.write("1_bad.py", "async def up(connection):\n    await connection.execute('COMMIT')\n")

    job = house.do()

    assert failed(job)[:2] == ("1_bad.py", 2)
    assert job.error is not None and "may not be sent from a migration" in job.error.message


def test_a_migration_that_ends_its_transaction_by_a_back_door_needs_attention(house: House) -> None:
    house.write(
        "1_bad.py",
        "async def up(connection):\n"
        "    await connection.execute('CREATE TABLE t (id int)')\n"
        "    await connection._connection.execute('COMMIT')\n",
    )

    job = house.do()

    assert (job.state, job.reason) == (JobState.NEEDS_ATTENTION, "transaction_ended")
    assert job.error is not None and not job.error.safe_to_retry
    assert house.statuses() == {"bad": "failed"}
    assert value(house.dsn, "SELECT job_id FROM liftlock.fence WHERE scope = ''") is None


def test_an_import_that_raises_is_refused_before_the_first_step(house: House) -> None:
    house.write("1_good.sql", "-- migrate:up\nCREATE TABLE t (id int);\n")
    house.write("2_bad.py", "import nowhere_to_be_found\nasync def up(connection):\n    pass\n")

    job = house.do()

    assert (job.state, job.reason) == (JobState.FAILED, "migrations_invalid")
    assert failed(job)[:2] == ("2_bad.py", 1)
    assert value(house.dsn, "SELECT to_regclass('t')::text") is None


def test_all_problems_of_all_files_are_told_at_once(house: House) -> None:
    house.write("1_commit.sql", "-- migrate:up\nCREATE TABLE t (id int);\nCOMMIT;\n")
    house.write("2_syntax.py", "async def up(connection)\n    pass\n")
    (house.folder / "3_latin.sql").write_bytes("-- migrate:up\nSELECT 'é';\n".encode("latin-1"))
    house.write("4_copy.sql", "-- migrate:up\nCOPY t FROM STDIN;\n1\n\\.\n")
    house.write("5_psql.sql", "-- migrate:up\n\\i other.sql\n")
    house.write("6_concurrently.sql", "-- migrate:up\nCREATE INDEX CONCURRENTLY i ON t (id);\nSELECT 1;\n")

    with pytest.raises(MigrationsInvalid) as refused:
        house.submit()

    places = {(problem.file, problem.line) for problem in refused.value.problems}
    assert places == {
        ("1_commit.sql", 3),
        ("2_syntax.py", 1),
        ("3_latin.sql", 2),
        ("4_copy.sql", 2),
        ("5_psql.sql", 2),
        ("6_concurrently.sql", 2),
    }


def test_a_bom_and_windows_line_ends_are_no_problem(house: House) -> None:
    text = "\ufeff-- migrate:up\r\nCREATE TABLE t (id int);\r\n-- migrate:down\r\nDROP TABLE t;\r\n"
    (house.folder / "1_windows.sql").write_bytes(text.encode())

    assert house.do().state is JobState.SUCCEEDED
    assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED


def test_names_with_quotes_and_spaces_work(house: House) -> None:
    house.write("1_plain.sql", '-- name: it\'s "quoted" and spaced\n-- migrate:up\nCREATE TABLE t (id int);\n')

    assert house.do().state is JobState.SUCCEEDED
    assert house.statuses() == {'it\'s "quoted" and spaced': "completed"}


def test_a_migration_without_a_down_is_refused_when_it_should_be_undone(house: House) -> None:
    from app.domain.errors import Irreversible

    house.write("1_oneway.sql", "-- migrate:up\nCREATE TABLE t (id int);\n")
    house.do()

    for kind in (JobKind.ROLLBACK, JobKind.RESET):
        with pytest.raises(Irreversible, match="oneway"):
            house.submit(kind)
    assert value(house.dsn, "SELECT to_regclass('t')::text") == "t"


def test_a_down_that_fails_leaves_the_migration_completed_and_says_why(house: House) -> None:
    house.write("1_stuck.sql", "-- migrate:up\nCREATE TABLE t (id int);\n-- migrate:down\nDROP TABLE other;\n")
    house.do()

    job = house.do(JobKind.ROLLBACK)

    assert failed(job) == ("1_stuck.sql", 4, 1)
    assert house.statuses() == {"stuck": "completed"}
    assert "other" in str(value(house.dsn, "SELECT error_message FROM liftlock.migrations WHERE name = 'stuck'"))


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit", "GeneratorExit", "asyncio.CancelledError"])
def test_whatever_a_python_migration_raises_is_its_failure(house: House, error: str) -> None:
    house.write("1_bad.py", f"import asyncio\nasync def up(connection):\n    raise {error}\n")

    job = house.do()

    assert failed(job)[:2] == ("1_bad.py", 3)
    assert job.attempt == 1 and house.statuses() == {"bad": "failed"}


def test_a_python_migration_that_swallows_an_sql_error_is_told_how_to(house: House) -> None:
    swallow = "try:\n        await connection.execute('SELECT nothing')\n    except Exception:\n        pass"
    house.write("1_bad.py", f"async def up(connection):\n    {swallow}\n")

    job = house.do()

    assert job.state is JobState.FAILED and job.error is not None
    assert "caught an error of a statement" in job.error.message and "transaction()" in (job.error.hint or "")


def test_a_python_migration_with_a_wrong_signature_is_refused_before_the_first_step(house: House) -> None:
    house.write("1_good.sql", "-- migrate:up\nCREATE TABLE t (id int);\n")
    house.write("2_bad.py", "async def up():\n    pass\n")

    assert house.do().reason == "migrations_invalid"
    assert value(house.dsn, "SELECT to_regclass('t')::text") is None


def test_the_connection_of_a_migration_is_dead_once_it_has_returned(house: House) -> None:
    house.write(
        "1_keep.py",
        "import builtins\nasync def up(connection):\n    builtins.kept_by_a_migration = connection\n",
    )
    house.do()
    import builtins

    from app.adapters.python_connection import StatementRefused

    with pytest.raises(StatementRefused, match="can no longer be used"):
        house.run_async(builtins.kept_by_a_migration.execute("SELECT 1"))  # type: ignore[attr-defined]
    del builtins.kept_by_a_migration  # type: ignore[attr-defined]


def test_an_atomic_run_that_fails_says_that_nothing_is_left(house: House) -> None:
    from app.domain.step import Atomicity

    house.write("1_good.sql", "-- migrate:up\nCREATE TABLE t (id int);\n")
    house.write("2_bad.sql", "-- migrate:up\nSELECT nothing;\n")

    job = house.do(atomic=Atomicity.RUN)

    assert job.error is not None and job.error.left_behind.startswith("nothing: the whole run")
    assert [step.state.value for step in job.steps] == ["skipped", "failed"]


def test_a_file_that_cannot_be_read_is_seen_in_the_list(house: House) -> None:
    house.write("1_good.sql", "-- migrate:up\nCREATE TABLE t (id int);\n")
    house.write("2_bad.sql", "-- migrate:up\nCOMMIT;\n")

    (good, bad) = house.run_async(house.services.sync.migrations("development"))

    assert (good.name, bad.file, bad.state.value, bad.status.value) == ("good", "2_bad.sql", "blocked", "pending")
    assert bad.error_message is not None and bad.error_message.startswith("2_bad.sql:2:1: ")


def test_what_a_database_has_had_since_before_is_recorded_as_the_failure_says(house: House) -> None:
    execute(house.dsn, "CREATE TABLE older (id int)")
    house.write("1_older.sql", "-- migrate:up\nCREATE TABLE older (id int);\n")
    house.write("2_newer.sql", "-- migrate:up\nCREATE TABLE newer (id int);\n")

    job = house.do()

    failed(job)
    shown = house.http("GET", f"/jobs/{job.id}").json
    assert shown is not None
    _, mark = shown["error"]["nextSteps"]
    assert mark.startswith("or record what the database has had since before, without running it: curl -X POST ")
    assert '{"as": "applied", "names": ["older"]}' in mark
    house.do(JobKind.MARK, names=("older",), mark_as=MarkAs.APPLIED)
    assert house.do().state is JobState.SUCCEEDED
    assert house.statuses() == {"older": "completed", "newer": "completed"}
