"""A target whose ledger an earlier release has made: read as it is, and brought up to date by the first job."""

from pathlib import Path

import pytest

from app.adapters.target import records
from app.domain.environment import Dsn, Environment
from app.domain.job import JobState
from tests.support.house import open_house
from tests.support.servers import Servers, execute, fetch, value

pytestmark = pytest.mark.servers

FIRST_LEDGER = Path(records.__file__).with_name("ledger.sql").read_text(encoding="utf-8")
VERSION = "SELECT version FROM liftlock.ledger_version"
ENTRY = """
    INSERT INTO liftlock.migrations (id, scope, name, version, status, applied_at, position, checksum, token_checksum,
        up, source_format, job_id, epoch)
    VALUES (gen_random_uuid(), '', 'old', '0', 'completed', now(), 1, '\\x00', '\\x00', 'SELECT 1', 'sql',
        gen_random_uuid(), 1)
"""


def test_a_ledger_of_an_earlier_release_is_read_and_upgraded_by_the_next_job(servers: Servers, folder: Path) -> None:
    target = servers.new_database()
    execute(target, FIRST_LEDGER)
    execute(target, ENTRY)
    execute(target, "CREATE TABLE things (id int)")
    with open_house(servers, folder, environments={"development": Environment("development", Dsn(target))}) as house:
        assert house.statuses() == {"old": "completed"}
        assert value(target, VERSION) == 1, "a question writes nothing"

        (folder / "old.sql").write_text("-- version: 0\n-- migrate:up\nSELECT 1;\n")
        (folder / "1_index.sql").write_text("-- migrate:up\nCREATE INDEX CONCURRENTLY by_id ON things (id);\n")
        execute(target, "UPDATE liftlock.migrations SET checksum = $1, token_checksum = $2", *_sums(folder / "old.sql"))
        job = house.do()

        assert job.state is JobState.SUCCEEDED, job
        assert value(target, VERSION) == len(records.LEDGER_FILES)
        assert fetch(target, "SELECT 1 FROM liftlock.step_statements") == []


def _sums(file: Path) -> tuple[bytes, bytes]:
    from app.adapters.sources.sql import read_sql
    from app.domain.migration import Migration

    raw = file.read_bytes()
    read = read_sql(file.name, raw, raw.decode())
    assert isinstance(read, Migration)
    return read.checksum.raw, read.checksum.token


def test_a_ledger_that_was_copied_without_its_rows_is_refused_with_the_way_out(servers: Servers, folder: Path) -> None:
    target = servers.new_database()
    for file in records.LEDGER_FILES:
        execute(target, FIRST_LEDGER if file == "ledger.sql" else Path(records.__file__).with_name(file).read_text())
    execute(target, "DELETE FROM liftlock.ledger_version")
    execute(target, "CREATE TABLE things (id int)")
    (folder / "1_things.sql").write_text("-- migrate:up\nCREATE TABLE things (id int);\n")
    with open_house(servers, folder, environments={"development": Environment("development", Dsn(target))}) as house:
        seen = house.http("GET", "/environments/development/status").get_json()["sync"]
        assert seen["state"] == "unknown" and "pg_dump --schema-only" in seen["message"]
        job = house.do()
        assert (job.state, job.reason) == (JobState.FAILED, "target_unusable")
        assert "DROP SCHEMA liftlock CASCADE" in job.message

        execute(target, "DROP SCHEMA liftlock CASCADE; DROP SCHEMA IF EXISTS liftlock_preserved CASCADE")
        answer = house.http("POST", "/migrations/mark", json={"as": "baseline", "note": "copied"})
        assert house.perform(answer.get_json()["id"]).state is JobState.SUCCEEDED
        assert house.statuses() == {"things": "completed"}
