"""Which databases are ours to drop, and which statements reach beyond one."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.domain.migration import PythonScript, SqlScript
from app.domain.scratch import Leftover, leftover, reaches_outside, scratch_comment, scratch_name

JOB = UUID("01890000-0000-7000-8000-0123456789ab")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAME, COMMENT = scratch_name(JOB, 3), scratch_comment(JOB, NOON)


def test_a_database_is_ours_when_its_name_and_its_comment_say_so() -> None:
    assert NAME == "liftlock_scratch_0123456789ab_3"
    assert leftover(NAME, COMMENT, NOON + timedelta(minutes=5), 2) == Leftover(NAME, JOB, timedelta(minutes=5), 2)


@pytest.mark.parametrize(
    ("name", "comment"),
    [
        (NAME, None),
        (NAME, ""),
        (NAME, "mine"),
        (NAME, f"{COMMENT}, and kept by Ada"),
        (NAME, COMMENT.replace("2026", "never")),
        (NAME, COMMENT.replace("+00:00", "")),
        (NAME, scratch_comment(UUID(int=9), NOON)),
        ("liftlock_scratch_mine", COMMENT),
        ("shop", COMMENT),
        (f"{NAME}_copy", COMMENT),
        (f"x{NAME}", COMMENT),
    ],
)
def test_whatever_else_is_not_ours(name: str, comment: str | None) -> None:
    assert leftover(name, comment, NOON, 0) is None


@pytest.mark.parametrize(
    ("minutes", "connections", "ended", "goes"),
    [(1, 0, True, True), (1, 0, False, False), (61, 0, False, True), (61, 1, False, False), (1, 1, True, False)],
)
def test_it_goes_when_its_job_has_ended_or_it_is_old_and_nobody_is_connected(
    minutes: int, connections: int, ended: bool, goes: bool
) -> None:
    assert Leftover(NAME, JOB, timedelta(minutes=minutes), connections).may_go(ended) is goes


@pytest.mark.parametrize(
    "text",
    [
        "CREATE ROLE r",
        "create user u",
        "DROP GROUP g",
        "ALTER DATABASE shop SET search_path TO x",
        "CREATE DATABASE d",
        "DROP TABLESPACE t",
        "ALTER SYSTEM SET work_mem = '1GB'",
        "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p",
        "GRANT a TO b",
        "REVOKE a FROM b",
        "GRANT CONNECT ON DATABASE shop TO r",
        "DROP OWNED BY r",
        "REASSIGN OWNED BY r TO s",
        "COMMENT ON DATABASE shop IS 'x'",
        "COPY t TO PROGRAM 'rm'",
        "COPY t TO '/etc/x'",
        "SELECT dblink_exec('x', 'y')",
        "SELECT pg_terminate_backend(1)",
        "DO $$ BEGIN EXECUTE 'CREATE ROLE r'; END $$",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE ROLE r; END $$",
    ],
)
def test_what_changes_more_than_its_database_is_found_with_its_place(text: str) -> None:
    found = reaches_outside(SqlScript(f"SELECT 1;\n{text};", "a.sql", 3))
    assert found is not None and found.endswith("(a.sql:4)")


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE role (id int)",
        "GRANT SELECT ON t TO r",
        "REVOKE ALL ON SCHEMA s FROM PUBLIC",
        "GRANT USAGE ON SCHEMA s TO r",
        "CREATE USER MAPPING FOR r SERVER s",
        "INSERT INTO notes VALUES ('CREATE ROLE r')",
        "-- CREATE ROLE r\nSELECT 1",
        "COMMENT ON TABLE t IS 'ON DATABASE'",
        "ALTER TABLE t OWNER TO r",
        "DO $$ BEGIN PERFORM 1; END $$",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO r",
    ],
)
def test_what_stays_in_its_database_may_be_tried(text: str) -> None:
    assert reaches_outside(SqlScript(text, "a.sql")) is None


def test_a_python_file_is_searched_as_text() -> None:
    said = PythonScript("async def up(c):\n    await c.execute('CREATE ROLE r')\n", "a.py", "up")
    quiet = PythonScript("async def up(c):\n    await c.execute('CREATE TABLE r ()')\n", "a.py", "up")
    assert reaches_outside(said) == "CREATE ROLE (a.py:2)"
    assert reaches_outside(quiet) is None and reaches_outside(None) is None
