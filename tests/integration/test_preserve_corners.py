"""Keeping and giving back where several things happen to the same table, or something stands in the way."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.adapters.target.preserve.restoring import Restorer
from app.domain.job import Job, JobKind, JobState
from tests.integration.test_proofs_on_bad_days import another_role
from tests.support.house import House, locked_house, open_house
from tests.support.servers import Servers, execute, fetch, value

NOTES = "CREATE TABLE notes (id int PRIMARY KEY, note text, n int)"
FILL = "INSERT INTO notes SELECT n, 'note ' || n, n FROM generate_series(1, 10) n"
ROWS = "SELECT id, note, n FROM notes ORDER BY id"


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, shortcut=False) as house:
        yield house


@pytest.fixture
def locked(servers: Servers, folder: Path) -> Iterator[House]:
    """Its target is its control database; DATA_LOSS is not consented to."""
    with locked_house(
        servers, folder, "TABLE_DROPPED", "COLUMN_DROPPED", "UNSEEN_STATEMENTS", "ALL_ROWS_CHANGED", "LINT"
    ) as house:
        yield house


def _write(house: House, up: str, down: str) -> None:
    house.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\n{down};\n")


def _unseen(statement: str) -> str:
    """Of what a file does not say only the keeper asks, while it runs."""
    return f"DO $$ BEGIN EXECUTE $it${statement}$it$; END $$"


def _done(house: House, kind: JobKind) -> Job:
    job = house.do(kind)
    assert job.state is JobState.SUCCEEDED, job
    return job


def _notice(job: Job) -> str:
    return job.steps[0].notice or ""


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("ALTER TABLE notes DROP n; DELETE FROM notes WHERE id > 5", "ALTER TABLE notes ADD n int"),
        ("DELETE FROM notes WHERE id > 5; ALTER TABLE notes DROP n", "ALTER TABLE notes ADD n int"),
        (
            "ALTER TABLE notes RENAME note TO text; DELETE FROM notes WHERE id > 5",
            "ALTER TABLE notes RENAME text TO note",
        ),
        ("ALTER TABLE notes RENAME note TO text; UPDATE notes SET text = 'x'", "ALTER TABLE notes RENAME text TO note"),
        ("ALTER TABLE notes DROP n; UPDATE notes SET note = 'x'", "ALTER TABLE notes ADD n int"),
        ("ALTER TABLE notes RENAME TO it; TRUNCATE it; ALTER TABLE it RENAME TO notes", "SELECT 1"),
        ("DELETE FROM notes; DROP TABLE notes", NOTES),
        ("UPDATE notes SET n = 0; UPDATE notes SET n = n + 1; DELETE FROM notes WHERE id = 3", "SELECT 1"),
    ],
)
def test_several_losses_of_one_table_come_back_together(house: House, up: str, down: str) -> None:
    execute(house.dsn, f"{NOTES}; {FILL}")
    before = fetch(house.dsn, ROWS)
    _write(house, up, down)
    for _ in range(2):
        _done(house, JobKind.RUN)
        _done(house, JobKind.ROLLBACK)
        assert fetch(house.dsn, ROWS) == before


def test_a_collation_goes_with_the_table_that_was_kept(house: House) -> None:
    """What is kept holds on to no object of the migration's own."""
    collation = 'CREATE COLLATION own FROM "C"'
    table = "CREATE TABLE notes (id varchar(9) COLLATE own PRIMARY KEY, said text[] COLLATE own, c char(3), n name)"
    execute(house.dsn, f"{collation}; {table}; INSERT INTO notes VALUES ('a', '{{b}}', 'c', 'd'), ('e', NULL, 'f', '')")
    before = fetch(house.dsn, "SELECT * FROM notes ORDER BY id")
    _write(house, "DROP TABLE notes; DROP COLLATION own", f"{collation}; {table}")
    assert _notice(_done(house, JobKind.RUN)) == "kept the table notes (2 rows)"
    _done(house, JobKind.ROLLBACK)
    assert fetch(house.dsn, "SELECT * FROM notes ORDER BY id") == before


@pytest.mark.parametrize("up", ["DELETE FROM notes", "DROP TABLE notes"])
def test_rows_without_a_column_are_rows_too(house: House, up: str) -> None:
    execute(house.dsn, "CREATE TABLE notes (); INSERT INTO notes DEFAULT VALUES; INSERT INTO notes DEFAULT VALUES")
    _write(house, up, "CREATE TABLE IF NOT EXISTS notes ()")
    assert "2" in _notice(_done(house, JobKind.RUN))
    _done(house, JobKind.ROLLBACK)
    assert value(house.dsn, "SELECT count(*) FROM notes") == 2


def test_a_table_without_a_key_is_given_back_once(house: House) -> None:
    execute(house.dsn, "CREATE TABLE log (note text); INSERT INTO log VALUES ('a'), ('a')")
    _write(house, "DELETE FROM log; DROP TABLE log", "CREATE TABLE log (note text)")
    _done(house, JobKind.RUN)
    assert _notice(_done(house, JobKind.ROLLBACK)) == "gave back the table log (2 rows)"
    assert value(house.dsn, "SELECT count(*) FROM log") == 2


def test_a_statement_that_writes_no_row_needs_no_consent(locked: House) -> None:
    execute(locked.dsn, "CREATE TABLE log (note text); INSERT INTO log VALUES ('a')")
    _write(locked, _unseen("UPDATE log SET note = 'b' WHERE note = 'z'"), "SELECT 1")
    assert _notice(_done(locked, JobKind.RUN)) == ""


@pytest.mark.parametrize(
    ("up", "why"),
    [
        ("UPDATE log SET note = 'b' WHERE note = 'a'", "no primary key or unique index finds its rows again"),
        ("DELETE FROM base WHERE id > 1", "written through another table"),
        ("DELETE FROM base WHERE id = 1", "other tables inherit from it"),
        ("UPDATE keyed SET id = id + 10 WHERE id > 0", "their key was overwritten"),
    ],
)
def test_rows_that_no_trigger_has_kept_are_counted_and_need_consent(locked: House, up: str, why: str) -> None:
    execute(
        locked.dsn,
        "CREATE TABLE log (note text); INSERT INTO log VALUES ('a');"
        "CREATE TABLE base (id int); CREATE TABLE child () INHERITS (base);"
        "INSERT INTO base VALUES (1); INSERT INTO child VALUES (2);"
        "CREATE TABLE keyed (id int PRIMARY KEY, n int); INSERT INTO keyed VALUES (1, 7), (2, NULL)",
    )
    _write(locked, _unseen(up), "SELECT 1")
    job = locked.do(JobKind.RUN)
    assert job.reason == "refused" and job.error is not None
    assert why in job.error.message, job.error.message
    assert [value(locked.dsn, f"SELECT count(*) FROM {name}") for name in ("log", "base", "keyed")] == [1, 2, 2]


def test_what_an_application_has_written_into_a_new_table_of_the_name_stays(house: House) -> None:
    """The migration puts another table in its place, and its down does nothing about it."""
    execute(house.dsn, f"{NOTES}; {FILL}")
    _write(house, f"DROP TABLE notes; {NOTES}", "SELECT 1")
    _done(house, JobKind.RUN)
    execute(house.dsn, "INSERT INTO notes VALUES (3, 'mine', 0)")
    job = _done(house, JobKind.ROLLBACK)
    assert value(house.dsn, "SELECT note FROM notes WHERE id = 3") == "mine"
    assert value(house.dsn, "SELECT count(*) FROM notes") == 10
    assert _notice(job).startswith("gave back the table notes (9 of 10 rows); 1 row refused: duplicate key")


@pytest.mark.parametrize(
    ("type_", "said"),
    [
        ("varchar(4)", "gave back note of notes (10 rows); 10 values made to fit the types that columns have now"),
        (
            "int",
            "note of notes (10 rows) cannot go back and stays kept; 10 rows refused: invalid input syntax for type int",
        ),
        ("text", "gave back note of notes (10 rows)"),
    ],
)
def test_a_column_of_another_type_does_not_keep_a_rollback_from_its_end(house: House, type_: str, said: str) -> None:
    execute(house.dsn, f"{NOTES}; {FILL}")
    _write(house, "ALTER TABLE notes DROP note", f"ALTER TABLE notes ADD note {type_}")
    _done(house, JobKind.RUN)
    assert _notice(_done(house, JobKind.ROLLBACK)).startswith(said)


def test_values_are_made_to_fit_where_there_is_a_cast_and_the_job_says_so(house: House) -> None:
    execute(
        house.dsn, "CREATE TABLE prices (id int PRIMARY KEY, price numeric(9,3)); INSERT INTO prices VALUES (1, 1.125)"
    )
    _write(house, "ALTER TABLE prices DROP price", "ALTER TABLE prices ADD price numeric(9,1)")
    _done(house, JobKind.RUN)
    notice = "gave back price of prices (1 row); 1 value made to fit the types that columns have now"
    assert _notice(_done(house, JobKind.ROLLBACK)) == notice
    assert str(value(house.dsn, "SELECT price FROM prices")) == "1.1"


def test_a_table_of_other_types_takes_the_values_that_fit_and_the_job_says_so(house: House) -> None:
    execute(
        house.dsn, "CREATE TABLE prices (id int PRIMARY KEY, price numeric(9,3)); INSERT INTO prices VALUES (1, 1.125)"
    )
    _write(house, "DROP TABLE prices", "CREATE TABLE prices (id int PRIMARY KEY, price numeric(9,1))")
    _done(house, JobKind.RUN)
    notice = "gave back the table prices (1 row); values were made to fit the types that columns have now"
    assert _notice(_done(house, JobKind.ROLLBACK)) == notice
    assert str(value(house.dsn, "SELECT price FROM prices")) == "1.1"


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("ALTER TABLE notes DROP note", "ALTER TABLE notes ADD note text"),
        ("DROP TABLE notes", NOTES),
        ("UPDATE notes SET note = 'x'", "SELECT 1"),
    ],
)
@pytest.mark.parametrize("tamper", ["DELETE FROM {kept}", "UPDATE {kept} SET {column} = 'z'"])
def test_what_is_kept_is_held_against_its_count_and_checksum(house: House, up: str, down: str, tamper: str) -> None:
    execute(house.dsn, f"{NOTES}; {FILL}")
    _write(house, up, down)
    _done(house, JobKind.RUN)
    (kept,) = fetch(house.dsn, "SELECT id, columns::text AS columns FROM liftlock.preserved")
    place = [column["name"] for column in json.loads(kept["columns"])].index("note") + 1
    execute(house.dsn, tamper.format(kept=f"liftlock_preserved.kept_{kept['id'].hex}", column=f"c{place}"))

    job = house.do(JobKind.ROLLBACK)

    assert (job.state, job.reason) == (JobState.FAILED, "verify_failed")
    assert job.error is not None and "has been changed since" in job.error.message
    assert value(house.dsn, "SELECT state FROM liftlock.preserved") == "kept"
    assert house.statuses() == {"it": "completed"}


def test_older_values_do_not_come_over_newer_ones(house: House) -> None:
    execute(house.dsn, f"{NOTES}; {FILL}")
    _write(house, "DROP TABLE notes", "SELECT 1")
    _done(house, JobKind.RUN)
    assert "stays kept; it is not there" in _notice(_done(house, JobKind.ROLLBACK))
    execute(house.dsn, f"{NOTES}; INSERT INTO notes VALUES (1, 'newer', 0)")
    _done(house, JobKind.RUN)
    execute(
        house.dsn, "UPDATE liftlock.migrations SET down = 'CREATE TABLE notes (id int PRIMARY KEY, note text, n int)'"
    )
    (house.folder / "1_it.sql").unlink()
    _done(house, JobKind.ROLLBACK)
    assert [tuple(row) for row in fetch(house.dsn, ROWS)] == [(1, "newer", 0)]


def test_forced_row_security_is_as_before_and_hides_nothing(servers: Servers, folder: Path) -> None:
    mine = another_role(servers, "")
    execute(mine, f"{NOTES}; {FILL}; CREATE POLICY few ON notes USING (id < 3)")
    execute(mine, "ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    with open_house(servers, folder, dsn=mine, shortcut=False) as house:
        _write(
            house,
            "ALTER TABLE notes ALTER note TYPE varchar(2) USING left(note, 2); ALTER TABLE notes DROP n",
            "ALTER TABLE notes ALTER note TYPE text; ALTER TABLE notes ADD n int",
        )
        assert "(10 rows)" in _notice(_done(house, JobKind.RUN))
        assert _notice(_done(house, JobKind.ROLLBACK)).count("(10 rows)") == 2
    assert value(mine, "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'notes'")
    execute(mine, "ALTER TABLE notes NO FORCE ROW LEVEL SECURITY")
    assert value(mine, "SELECT count(*) FROM notes WHERE note = 'note ' || id AND n = id") == 10


@pytest.mark.parametrize("takes", ["DELETE FROM notes WHERE id < 6", "UPDATE notes SET n = 0, note = 'x'"])
@pytest.mark.parametrize("first", ["ALTER note TYPE varchar(1) USING left(note, 1)", "DROP note"])
def test_rows_that_go_after_their_column_was_cut_short_come_back_as_they_were_before(
    house: House, first: str, takes: str
) -> None:
    execute(house.dsn, f"{NOTES}; {FILL}")
    before = fetch(house.dsn, ROWS)
    if first == "DROP note":
        takes = takes.replace(", note = 'x'", "")
    back = "ADD note text" if first == "DROP note" else "ALTER note TYPE text"
    _write(house, f"ALTER TABLE notes {first}; {takes}", f"ALTER TABLE notes {back}")
    for _ in range(2):
        _done(house, JobKind.RUN)
        _done(house, JobKind.ROLLBACK)
        assert fetch(house.dsn, ROWS) == before


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("UPDATE notes SET n = 0", "SELECT 1"),
        ("ALTER TABLE notes ALTER n TYPE smallint", "ALTER TABLE notes ALTER n TYPE int"),
    ],
)
def test_nobody_writes_between_the_look_at_what_still_stands_and_its_giving_back(
    house: House, monkeypatch: pytest.MonkeyPatch, up: str, down: str
) -> None:
    execute(house.dsn, f"{NOTES}; {FILL}")
    before = fetch(house.dsn, ROWS)
    _write(house, up, down)
    _done(house, JobKind.RUN)
    look, written = Restorer.look, "SET lock_timeout = 100; UPDATE notes SET n = 77, note = 'x' WHERE id = 5"

    async def look_and_let_others_write(restorer: Restorer) -> None:
        await look(restorer)
        with pytest.raises(asyncpg.LockNotAvailableError):
            await asyncio.to_thread(execute, house.dsn, written)

    monkeypatch.setattr(Restorer, "look", look_and_let_others_write)
    _done(house, JobKind.ROLLBACK)
    assert fetch(house.dsn, ROWS) == before
