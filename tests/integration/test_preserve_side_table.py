"""What is kept is put into a new table when somebody asks: every value, shown to nobody else, and kept all the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.domain.job import Job, JobId, JobKind, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, value


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, shortcut=False) as house:
        yield house


def _lose(house: House, up: str, down: str = "SELECT 1;") -> list[dict[str, Any]]:
    """The sets that are kept of `up`, newest first."""
    house.write("1_lossy.sql", f"-- migrate:up\n{up}\n-- migrate:down\n{down}\n")
    job = house.do(JobKind.RUN)
    assert job.state is JobState.SUCCEEDED, job
    answer: list[dict[str, Any]] = house.http("GET", "/environments/development/preserved").get_json()
    return answer


def _asked(house: House, kept: dict[str, Any], table: str | None = "back") -> JobId:
    path = f"/environments/development/preserved/{kept['id']}/restore"
    answer = house.http("POST", path, json={} if table is None else {"table": table})
    assert answer.status_code == 202, answer.get_json()
    return JobId(UUID(answer.get_json()["id"]))


def _put(house: House, kept: dict[str, Any], table: str | None = "back") -> Job:
    return house.perform(_asked(house, kept, table))


NOTES = "CREATE TABLE notes (id int PRIMARY KEY, note text, n int)"
FILLED = f"{NOTES}; INSERT INTO notes SELECT n, 'note ' || n, n FROM generate_series(1, 50) n"


@pytest.mark.parametrize(
    ("up", "rows"),
    [
        ("ALTER TABLE notes DROP note;", "SELECT id, 'note ' || id FROM notes ORDER BY 1"),
        ("DROP TABLE notes;", "SELECT n, 'note ' || n, n FROM generate_series(1, 50) n ORDER BY 1"),
        ("DELETE FROM notes WHERE id > 40;", "SELECT n, 'note ' || n, n FROM generate_series(41, 50) n ORDER BY 1"),
        ("TRUNCATE notes;", "SELECT n, 'note ' || n, n FROM generate_series(1, 50) n ORDER BY 1"),
        ("UPDATE notes SET note = '' WHERE id = 7;", "SELECT 7, 'note 7', 7"),
        ("ALTER TABLE notes ALTER note TYPE varchar(2) USING 'x';", "SELECT id, 'note ' || id FROM notes ORDER BY 1"),
    ],
)
def test_the_rows_are_there_with_their_key_whatever_took_them(house: House, up: str, rows: str) -> None:
    execute(house.dsn, FILLED)
    (kept,) = _lose(house, up)
    before = fetch(house.dsn, f"SELECT * FROM liftlock_preserved.kept_{UUID(kept['id']).hex}")

    job = _put(house, kept)

    assert (job.state, job.reason) == (JobState.SUCCEEDED, "restored"), job
    assert job.message == "the kept rows are in the table back of development"
    assert job.steps[0].notice is not None and job.steps[0].notice.endswith("into back")
    assert [tuple(row) for row in fetch(house.dsn, "SELECT * FROM back ORDER BY 1")] == [
        tuple(row) for row in fetch(house.dsn, rows)
    ]
    assert fetch(house.dsn, f"SELECT * FROM liftlock_preserved.kept_{UUID(kept['id']).hex}") == before


def test_the_set_stays_kept_and_the_step_that_undoes_it_gives_it_back_all_the_same(house: House) -> None:
    execute(house.dsn, FILLED)
    (kept,) = _lose(house, "ALTER TABLE notes DROP note;", "ALTER TABLE notes ADD note text;")
    first = _put(house, kept)
    _put(house, kept, "once_more")
    (listed,) = house.http("GET", "/environments/development/preserved").get_json()
    assert listed["state"] == "kept"
    assert listed["remarks"][0] == f"put note of notes (50 rows) into back by job {first.id}"
    assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED
    assert value(house.dsn, "SELECT count(*) FROM notes WHERE note = 'note ' || id") == 50
    assert value(house.dsn, "SELECT count(*) FROM back JOIN once_more USING (id, note)") == 50


def test_nobody_but_its_owner_reads_it_whatever_default_privileges_say(house: House) -> None:
    role = f"reader_{abs(hash(house.dsn))}"
    execute(house.dsn, f"{FILLED}; CREATE ROLE {role}; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC, {role}")
    try:
        execute(house.dsn, "ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        (kept,) = _lose(house, "DROP TABLE notes;")
        _put(house, kept)
        (table,) = fetch(
            house.dsn,
            "SELECT relrowsecurity, relowner = (SELECT relowner FROM pg_class WHERE relname = 'preserved') AS ours, "
            f"has_table_privilege('{role}', oid, 'SELECT') AS granted, obj_description(oid) AS said "
            "FROM pg_class WHERE relname = 'back'",
        )
        assert (table["relrowsecurity"], table["ours"], table["granted"]) == (True, True, False)
        assert table["said"].startswith("50 rows of notes as lossy (up) found them; kept by Liftlock")
    finally:
        execute(house.dsn, f"DROP OWNED BY {role}; DROP ROLE {role}")


OWN = (
    "CREATE TYPE mood AS ENUM ('sad', 'Very ok'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);"
    "CREATE TABLE moods (id int PRIMARY KEY, mood mood, moods mood[], n positive, gone mood);"
    "INSERT INTO moods VALUES (1, 'Very ok', ARRAY['sad', NULL]::mood[], 5, 'sad')"
)


def test_types_of_ones_own_come_back_while_they_stand_and_are_text_afterwards(house: House) -> None:
    execute(house.dsn, OWN)
    (kept,) = _lose(house, "DROP TABLE moods;")
    types = "SELECT array_agg(format_type(atttypid, atttypmod) ORDER BY attnum) FROM pg_attribute WHERE attnum > 0 AND "
    _put(house, kept)
    assert value(house.dsn, f"{types} attrelid = 'back'::regclass") == ["integer", "mood", "mood[]", "positive", "mood"]
    execute(house.dsn, "DROP TABLE back; DROP TYPE mood; DROP DOMAIN positive; CREATE TYPE mood AS ENUM ('sad')")
    job = _put(house, kept, "texts")
    assert value(house.dsn, f"{types} attrelid = 'texts'::regclass") == ["integer", "text", "text", "text", "text"]
    assert job.steps[0].notice is not None and "mood as text, since its type is not what it was" in job.steps[0].notice
    assert tuple(fetch(house.dsn, "SELECT * FROM texts")[0]) == (1, "Very ok", "{sad,NULL}", "5", "sad")


@pytest.mark.parametrize("columns", ["", "id int"])
def test_tables_without_columns_and_without_rows_have_their_table_too(house: House, columns: str) -> None:
    execute(
        house.dsn, f"CREATE TABLE bare ({columns}); INSERT INTO bare DEFAULT VALUES; INSERT INTO bare DEFAULT VALUES"
    )
    (kept,) = _lose(house, "DROP TABLE bare;")
    assert _put(house, kept).state is JobState.SUCCEEDED
    assert value(house.dsn, "SELECT count(*) FROM back") == 2


def test_a_name_taken_or_rows_purged_since_it_was_asked_fail_the_job_and_change_nothing(house: House) -> None:
    execute(house.dsn, FILLED)
    (kept,) = _lose(house, "DROP TABLE notes;")
    queued = _asked(house, kept)
    execute(house.dsn, "CREATE TABLE back (mine int)")
    job = house.perform(queued)
    assert (job.state, job.reason) == (JobState.FAILED, "refused")
    assert job.error is not None
    assert job.error.message == 'nothing was put into back: relation "back" already exists'
    execute(house.dsn, "DROP TABLE back")
    queued = _asked(house, kept)
    execute(house.dsn, "UPDATE liftlock.preserved SET kept_at = kept_at - interval '100 days'")
    house.run_async(house.services.preserved.purge())
    job = house.perform(queued)
    assert job.error is not None and "not kept any more" in job.error.message
    assert value(house.dsn, "SELECT to_regclass('back') IS NULL")
    assert house.http("POST", f"/environments/development/preserved/{kept['id']}/restore").status_code == 409


def test_rows_that_somebody_has_changed_on_the_shelf_are_not_put_anywhere(house: House) -> None:
    execute(house.dsn, FILLED)
    (kept,) = _lose(house, "DROP TABLE notes;")
    execute(house.dsn, f"UPDATE liftlock_preserved.kept_{UUID(kept['id']).hex} SET c2 = 'x' WHERE c1 = 3")
    job = _put(house, kept)
    assert job.error is not None and "has been changed since" in job.error.message
    assert value(house.dsn, "SELECT to_regclass('back') IS NULL")


def test_the_new_table_is_the_jobs_doing_and_no_drift(house: House) -> None:
    execute(house.dsn, FILLED)
    (kept,) = _lose(house, "DROP TABLE notes;")
    job = _put(house, kept, None)
    assert job.request.retrieval is not None and job.request.retrieval.table.startswith("notes_kept_20")
    house.write("2_more.sql", "-- migrate:up\nCREATE TABLE more (id int);\n")
    assert house.do(JobKind.RUN).notices == ()


def test_it_waits_its_turn_behind_whoever_has_the_target(house: House) -> None:
    execute(house.dsn, FILLED)
    (kept,) = _lose(house, "DROP TABLE notes;", NOTES + ";")
    ahead = house.submit(JobKind.ROLLBACK).job
    asked = _asked(house, kept)
    assert house.perform(asked).state is JobState.QUEUED
    assert house.perform(ahead.id).state is JobState.SUCCEEDED
    job = house.perform(asked)
    # by then the rollback has given the rows back, and nothing is left to put anywhere
    assert (job.state, job.error and "not kept any more" in job.error.message) == (JobState.FAILED, True)


def test_it_is_done_once_however_often_it_is_delivered(house: House) -> None:
    execute(house.dsn, FILLED)
    (kept,) = _lose(house, "DROP TABLE notes;")
    job = _put(house, kept)
    assert house.perform(job.id).state is JobState.SUCCEEDED
    assert value(house.dsn, "SELECT count(*) FROM back") == 50
