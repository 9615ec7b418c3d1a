"""What cannot be given back is never said to be kept, and what rows hold is shown by nothing but their tables."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.job import JobKind, JobState
from tests.integration.test_proofs_on_bad_days import another_role
from tests.support.house import House, locked_house, open_house
from tests.support.servers import Servers, execute, fetch, value

FILLED = (
    "CREATE TABLE notes (id int PRIMARY KEY, note text, n int);"
    "INSERT INTO notes SELECT n, 'secret ' || n, n FROM generate_series(1, 10) n"
)
PAIRS = (
    "CREATE TYPE pair AS (a int, b text); CREATE TABLE t (id int PRIMARY KEY, one pair, more pair[]);"
    "INSERT INTO t VALUES (1, (1, 'x'), ARRAY[(2, 'y')::pair])"
)
WIDE = f"CREATE TABLE wide (id int PRIMARY KEY, {', '.join(f'c{at} int' for at in range(600))})"


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, shortcut=False) as house:
        yield house


@pytest.fixture
def locked(servers: Servers, folder: Path) -> Iterator[House]:
    """DATA_LOSS is not consented to."""
    with locked_house(servers, folder, "UNSEEN_STATEMENTS", "LINT") as house:
        yield house


def _write(house: House, up: str, down: str = "SELECT 1") -> None:
    house.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\n{down};\n")


def _done(house: House, kind: JobKind) -> str:
    job = house.do(kind)
    assert job.state is JobState.SUCCEEDED, job
    return job.steps[0].notice or ""


@pytest.mark.parametrize(
    ("setup", "up", "why"),
    [
        (FILLED, "ALTER TABLE notes DISABLE TRIGGER ALL; TRUNCATE notes; ALTER TABLE notes ENABLE TRIGGER ALL",
         "rows of notes: the step switches the triggers of the table off"),
        (FILLED, "ALTER TABLE notes DISABLE TRIGGER USER; DELETE FROM notes; ALTER TABLE notes ENABLE TRIGGER USER",
         "rows of notes: the step switches the triggers of the table off"),
        (FILLED, "ALTER TABLE notes DROP id; UPDATE notes SET note = 'x'", "no primary key or unique index finds"),
        (FILLED, "ALTER TABLE notes ALTER note TYPE varchar(2) USING left(note, 2), DROP id",
         "note of notes: no primary key or unique index finds"),
        ("CREATE TABLE t (a int, b int, note text, PRIMARY KEY (a, b)); INSERT INTO t VALUES (1, 1, 'x'), (1, 2, 'y')",
         "ALTER TABLE t DROP b; UPDATE t SET note = 'z'", "rows of t: no primary key or unique index finds"),
        (PAIRS, "ALTER TYPE pair DROP ATTRIBUTE b", "one, more of t: an attribute of its type goes"),
        (f"{WIDE}; INSERT INTO wide (id) VALUES (1)", "UPDATE wide SET c5 = 7", "it has more than 500 columns"),
    ],
)  # fmt: skip
def test_what_nothing_could_give_back_needs_consent(locked: House, setup: str, up: str, why: str) -> None:
    execute(locked.dsn, setup)
    _write(locked, f"DO $$ BEGIN EXECUTE $it${up}$it$; END $$")
    job = locked.do(JobKind.RUN)
    assert job.reason == "refused" and job.error is not None, job
    assert why in job.error.message


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("DROP TABLE notes", "CREATE TABLE notes (id int PRIMARY KEY, note int)"),
        ("ALTER TABLE notes DROP note", "ALTER TABLE notes ADD note int"),
        ("UPDATE notes SET note = 'x'", "ALTER TABLE notes ALTER note TYPE int USING 1"),
    ],
)
def test_values_that_do_not_fit_are_counted_and_not_quoted(house: House, up: str, down: str) -> None:
    execute(house.dsn, FILLED)
    _write(house, up, down)
    _done(house, JobKind.RUN)
    notice = _done(house, JobKind.ROLLBACK)
    assert '10 rows refused: invalid input syntax for type integer: "…"' in notice or "changed since" in notice
    told = [str(row) for row in fetch(house.dsn, "SELECT t::text FROM liftlock.preserved t")]
    told += [str(row) for row in fetch(house.dsn, "SELECT t::text FROM liftlock_control.jobs t")]
    assert not any("secret" in one for one in (notice, *told))


def test_rows_are_given_back_where_the_table_that_they_refer_to_hides_its_own(servers: Servers, folder: Path) -> None:
    mine = another_role(servers, "")
    execute(mine, "CREATE TABLE people (id int PRIMARY KEY); INSERT INTO people VALUES (1), (2)")
    execute(mine, "CREATE TABLE pets (id int, owner int REFERENCES people); INSERT INTO pets VALUES (1, 1), (2, 2)")
    execute(mine, "ALTER TABLE people ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    with open_house(servers, folder, dsn=mine, shortcut=False) as house:
        _write(house, "DELETE FROM pets")
        _done(house, JobKind.RUN)
        _done(house, JobKind.ROLLBACK)
    assert value(mine, "SELECT count(*) FROM pets") == 2
    assert value(mine, "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'people'")


def test_in_a_database_restored_from_a_dump_no_other_table_is_taken_for_the_one_that_was(house: House) -> None:
    """There every table has another OID, which may have been that of any table before."""
    execute(house.dsn, f"{FILLED}; CREATE TABLE other AS SELECT id, 'mine' AS note, n FROM notes")
    _write(house, "ALTER TABLE notes DROP note", "ALTER TABLE notes ADD note text")
    _done(house, JobKind.RUN)
    kept = value(house.dsn, "SELECT relname FROM pg_class WHERE relname LIKE 'kept\\_%' AND relkind = 'r'")
    execute(
        house.dsn,
        f"CREATE TABLE liftlock_preserved.again AS TABLE liftlock_preserved.{kept};"
        f"DO $$ BEGIN EXECUTE format('COMMENT ON TABLE liftlock_preserved.again IS %L', "
        f"obj_description('liftlock_preserved.{kept}'::regclass)); END $$;"
        f"DROP TABLE liftlock_preserved.{kept}; ALTER TABLE liftlock_preserved.again RENAME TO {kept};"
        "UPDATE liftlock.preserved SET relation = 'other'::regclass",
    )
    assert _done(house, JobKind.ROLLBACK) == "gave back note of notes (10 rows)"
    assert value(house.dsn, "SELECT count(*) FROM other WHERE note = 'mine'") == 10


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b", "x" * 64, "", ".x", "liftlock.x", "pg_temp.x", 5, ["x"]])
def test_a_name_that_no_table_can_have_is_refused(house: House, name: Any) -> None:
    execute(house.dsn, FILLED)
    _write(house, "DROP TABLE notes")
    _done(house, JobKind.RUN)
    (kept,) = house.http("GET", "/environments/development/preserved").get_json()
    answer = house.http("POST", f"/environments/development/preserved/{kept['id']}/restore", json={"table": name})
    assert answer.status_code == 422
