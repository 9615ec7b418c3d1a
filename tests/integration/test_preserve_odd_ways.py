"""Keeping and giving back where a table, a script or what stands there meanwhile is out of the ordinary."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.domain.job import Job, JobKind, JobState
from app.domain.step import Atomicity
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch

NOTES = "CREATE TABLE notes (id int PRIMARY KEY, note text, n int)"
FILLED = f"{NOTES}; INSERT INTO notes SELECT n, 'note ' || n, n FROM generate_series(1, 10) n"
ROWS = "SELECT id, note, n FROM notes ORDER BY id"
FAMILY = (
    "CREATE TABLE base (id int PRIMARY KEY, note text); CREATE TABLE child (PRIMARY KEY (id)) INHERITS (base);"
    "INSERT INTO base VALUES (1, 'of base'), (2, 'of base'); INSERT INTO child VALUES (1, 'of child')"
)
FAMILY_ROWS = "SELECT tableoid::regclass::text, id, note FROM base ORDER BY 1, 2"
MEANWHILE = "UPDATE notes SET n = 99 WHERE id = 1; DELETE FROM notes WHERE id = 2"
WIPE = "CREATE FUNCTION wipe() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM public.notes; RETURN 1; END $$"
DEFERRED = "kid (id int PRIMARY KEY, parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)"
PARTED = (
    "CREATE TABLE logs (id int) PARTITION BY RANGE (id);"
    "CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (0) TO (10);"
    "CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM (10) TO (20)"
)


@dataclass(frozen=True, slots=True)
class Way:
    """`query` answers `expected` when everything is back; None: what it answered before."""

    setup: str
    up: str
    down: str
    query: str
    expected: object = None
    meanwhile: str = "SELECT 1"


WAYS = {
    "a column stops being an identity, whose position goes with it": Way(
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, n int); INSERT INTO t (n) VALUES (1), (2), (3)",
        "ALTER TABLE t ALTER COLUMN id DROP IDENTITY",
        "ALTER TABLE t ALTER id ADD GENERATED ALWAYS AS IDENTITY",
        "SELECT nextval(pg_get_serial_sequence('t', 'id'))",
        [(4,)],
    ),
    "a truncated table begins to count again": Way(
        "CREATE TABLE t (id serial PRIMARY KEY, n int); INSERT INTO t (n) VALUES (1), (2), (3)",
        "TRUNCATE t RESTART IDENTITY",
        "SELECT 1",
        "SELECT nextval('t_id_seq'), count(*) FROM t",
        [(4, 3)],
    ),
    "an identity counts down": Way(
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY (INCREMENT -1), n int); INSERT INTO t (n) VALUES (1), (2)",
        "DROP TABLE t",
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY (INCREMENT -1), n int)",
        "SELECT nextval(pg_get_serial_sequence('t', 'id'))",
        [(-3,)],
    ),
    "a sequence has narrower limits now": Way(
        "CREATE TABLE t (id bigserial, n int); INSERT INTO t (n) VALUES (1); SELECT setval('t_id_seq', 5000000000)",
        "DROP TABLE t",
        "CREATE TABLE t (id serial, n int)",
        "SELECT count(*) FROM t",
    ),
    "a table and the one it inherits from have the same keys": Way(
        FAMILY, "ALTER TABLE base DROP note", "ALTER TABLE base ADD note text", FAMILY_ROWS
    ),
    "both have a column of another type": Way(
        FAMILY,
        "ALTER TABLE base ALTER note TYPE varchar(1) USING 'x'",
        "ALTER TABLE base ALTER note TYPE text",
        FAMILY_ROWS,
    ),
    "what inherits has rows that its parent's foreign key would refuse": Way(
        "CREATE TABLE people (id int PRIMARY KEY); INSERT INTO people VALUES (1), (2);"
        "CREATE TABLE base (id int, owner int REFERENCES people); INSERT INTO base VALUES (1, 1), (2, 2)",
        "DROP TABLE base",
        "CREATE TABLE base (id int, owner int REFERENCES people); CREATE TABLE child () INHERITS (base);"
        "INSERT INTO child VALUES (5, 77)",
        "SELECT id, owner FROM base ORDER BY id",
        [(1, 1), (5, 77)],
        "DELETE FROM people WHERE id = 2",
    ),
    "a rule writes elsewhere when a row comes": Way(
        f"{FILLED}; CREATE TABLE log (n int);"
        "CREATE RULE comes AS ON INSERT TO notes DO ALSO INSERT INTO log VALUES (1)",
        "DELETE FROM notes WHERE id < 4",
        "SELECT 1",
        "SELECT count(*), (SELECT count(*) FROM log) FROM notes",
    ),
    "a rule writes elsewhere when a row is changed": Way(
        f"{FILLED}; CREATE TABLE log (n int); CREATE RULE r AS ON UPDATE TO notes DO ALSO INSERT INTO log VALUES (1)",
        "ALTER TABLE notes DROP note",
        "ALTER TABLE notes ADD note text",
        "SELECT count(note), (SELECT count(*) FROM log) FROM notes",
    ),
    "a partition has a trigger of its own": Way(
        f"{PARTED}; INSERT INTO logs VALUES (1), (12);"
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;"
        "CREATE TRIGGER no BEFORE INSERT ON logs_1 FOR EACH ROW EXECUTE FUNCTION no()",
        "DELETE FROM logs",
        "SELECT 1",
        "SELECT id FROM logs ORDER BY id",
    ),
    "a partition stays when its table goes": Way(
        f"{PARTED}; INSERT INTO logs VALUES (1), (2), (12)",
        "ALTER TABLE logs DETACH PARTITION logs_1; DROP TABLE logs",
        "CREATE TABLE logs (id int) PARTITION BY RANGE (id);"
        "ALTER TABLE logs ATTACH PARTITION logs_1 FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM (10) TO (20)",
        "SELECT id FROM logs ORDER BY id",
    ),
    "another type of the same name takes the place of one": Way(
        "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (id int PRIMARY KEY, mood mood);"
        "INSERT INTO t VALUES (1, 'sad'), (2, 'ok')",
        "ALTER TYPE mood RENAME TO mood_old; CREATE TYPE mood AS ENUM ('ok');"
        "ALTER TABLE t ALTER mood TYPE mood USING 'ok'; DROP TYPE mood_old",
        "ALTER TYPE mood RENAME TO mood_new; CREATE TYPE mood AS ENUM ('sad', 'ok');"
        "ALTER TABLE t ALTER mood TYPE mood USING mood::text::mood; DROP TYPE mood_new",
        "SELECT id, mood::text FROM t ORDER BY id",
    ),
    "a table is made anew, and what became of its rows since is the application's": Way(
        FILLED,
        "ALTER TABLE notes RENAME TO old; CREATE TABLE notes (id int PRIMARY KEY, n int);"
        "INSERT INTO notes SELECT id, n FROM old WHERE id < 4; DROP TABLE old",
        "ALTER TABLE notes ADD note text",
        f"{ROWS} LIMIT 4",
        [(1, "note 1", 99), (3, "note 3", 3), (4, "note 4", 4), (5, "note 5", 5)],
        MEANWHILE,
    ),
    "and is made anew again on the way back": Way(
        FILLED,
        "ALTER TABLE notes RENAME TO old; CREATE TABLE notes (id int PRIMARY KEY, n int) PARTITION BY HASH (id);"
        "CREATE TABLE notes_0 PARTITION OF notes FOR VALUES WITH (MODULUS 1, REMAINDER 0);"
        "INSERT INTO notes SELECT id, n FROM old; DROP TABLE old",
        f"ALTER TABLE notes RENAME TO parted; {NOTES}; INSERT INTO notes SELECT id, NULL, n FROM parted;"
        "DROP TABLE parted",
        f"{ROWS} LIMIT 2",
        [(1, "note 1", 99), (3, "note 3", 3)],
        MEANWHILE,
    ),
    "rows that no key tells apart are not doubled": Way(
        "CREATE TABLE log (a int, b text); INSERT INTO log VALUES (1, 'x'), (1, 'x')",
        "CREATE TABLE made AS SELECT a FROM log; DROP TABLE log; ALTER TABLE made RENAME TO log",
        "ALTER TABLE log ADD b text",
        "SELECT * FROM log",
        [(1, None), (1, None)],
    ),
    "a table of the same keys has nothing else of it": Way(
        FILLED,
        "DROP TABLE notes; CREATE TABLE notes (id int PRIMARY KEY, other int); INSERT INTO notes VALUES (1, 5)",
        f"DROP TABLE notes; {NOTES}",
        ROWS,
    ),
    "triggers do not act, since the script says so": Way(
        FILLED,
        "SET session_replication_role = replica; UPDATE notes SET n = 0; DELETE FROM notes WHERE id < 5",
        "SELECT 1",
        ROWS,
    ),
    "nor before a TRUNCATE": Way(FILLED, "SET session_replication_role = replica; TRUNCATE notes", "SELECT 1", ROWS),
    "a function that an INSERT calls deletes": Way(
        f"{FILLED}; {WIPE}; CREATE TABLE log (n int)", "INSERT INTO log VALUES (wipe())", "SELECT 1", ROWS
    ),
    "a function that VALUES calls deletes": Way(f"{FILLED}; {WIPE}", "VALUES (wipe())", "SELECT 1", ROWS),
    "a function that a new column's default calls deletes": Way(
        f"{FILLED}; {WIPE}; CREATE TABLE log (n int PRIMARY KEY); INSERT INTO log VALUES (1)",
        "ALTER TABLE log ADD m int DEFAULT wipe()",
        "ALTER TABLE log DROP m",
        ROWS,
    ),
    "a function that an index's expression calls deletes": Way(
        f"{FILLED}; {WIPE}; CREATE TABLE log (n int); INSERT INTO log VALUES (1);"
        "CREATE FUNCTION hides(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN public.wipe() + $1; END $$",
        "CREATE INDEX i ON log (hides(n))",
        "DROP INDEX i",
        ROWS,
    ),
    "the script leaves a foreign key to be checked at the end": Way(
        f"CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1), (2); CREATE TABLE {DEFERRED};"
        "INSERT INTO kid VALUES (1, 1)",
        "DROP TABLE kid",
        f"CREATE TABLE {DEFERRED}; INSERT INTO kid VALUES (2, 2)",
        "SELECT id, parent FROM kid ORDER BY id",
        [(1, 1), (2, 2)],
    ),
    "a foreign key does not hold for one value of a column": Way(
        "CREATE TABLE people (id int PRIMARY KEY); INSERT INTO people VALUES (1), (2);"
        "CREATE TABLE pets (id int PRIMARY KEY, owner int); INSERT INTO pets VALUES (1, 1), (2, 2), (3, 1)",
        "ALTER TABLE pets DROP owner",
        "ALTER TABLE pets ADD owner int REFERENCES people DEFERRABLE INITIALLY DEFERRED",
        "SELECT id, owner FROM pets ORDER BY id",
        [(1, 1), (2, None), (3, 1)],
        "DELETE FROM people WHERE id = 2",
    ),
    "a check does not hold for one overwritten value": Way(
        FILLED,
        "UPDATE notes SET n = 0",
        "ALTER TABLE notes ADD CHECK (n <> 5)",
        "SELECT id, n FROM notes ORDER BY id",
        [(n, 0 if n == 5 else n) for n in range(1, 11)],
    ),
    "a table of the name has none of its columns": Way(
        FILLED,
        "DROP TABLE notes",
        "CREATE TABLE notes (other serial PRIMARY KEY)",
        "SELECT count(*) FROM notes",
        [(0,)],
    ),
    "a sequence of the name is there now": Way(
        FILLED, "DROP TABLE notes", "CREATE SEQUENCE notes", "SELECT last_value FROM notes", [(1,)]
    ),
    "the key is of another type while its row is overwritten": Way(
        f"{FILLED}; ALTER TABLE notes ALTER n SET NOT NULL, ADD UNIQUE (n)",
        "UPDATE notes SET note = ''; ALTER TABLE notes ALTER id TYPE text",
        "ALTER TABLE notes ALTER id TYPE int USING id::int",
        ROWS,
    ),
    "a part of the script is taken back by itself": Way(
        FILLED,
        "DO $$ BEGIN DELETE FROM notes; RAISE no_data_found; EXCEPTION WHEN no_data_found THEN"
        " UPDATE notes SET n = 0 WHERE id = 3; END $$",
        "SELECT 1",
        ROWS,
    ),
}


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, shortcut=False) as house:
        yield house


def _write(house: House, up: str, down: str) -> None:
    house.write("1_it.sql", f"-- migrate:up\n{up};\n-- migrate:down\n{down};\n")


def _done(house: House, kind: JobKind) -> Job:
    job = house.do(kind)
    assert job.state is JobState.SUCCEEDED, job
    assert "lost, as was consented to" not in (job.steps[0].notice or ""), job.steps[0].notice
    return job


def _rows(house: House, query: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in fetch(house.dsn, query)]


@pytest.mark.parametrize("name", WAYS)
def test_what_was_taken_is_given_back_where(house: House, name: str) -> None:
    way = WAYS[name]
    execute(house.dsn, way.setup)
    expected = _rows(house, way.query) if way.expected is None else way.expected
    _write(house, way.up, way.down)
    _done(house, JobKind.RUN)
    execute(house.dsn, way.meanwhile)
    _done(house, JobKind.ROLLBACK)
    assert _rows(house, way.query) == expected


def test_what_one_step_leaves_to_be_checked_at_the_end_does_not_keep_the_next_one_from_keeping(house: House) -> None:
    """In a run of one transaction."""
    parents = "CREATE TABLE parents (id int PRIMARY KEY, note text); INSERT INTO parents VALUES (1, 'a'), (2, 'b')"
    execute(house.dsn, f"{parents}; CREATE TABLE {DEFERRED}; INSERT INTO kid VALUES (1, 1)")
    before = _rows(house, "SELECT * FROM parents, kid ORDER BY 1")
    house.write(
        "1_a.sql", "-- migrate:up\nINSERT INTO kid VALUES (9, 2);\n-- migrate:down\nDELETE FROM kid WHERE id = 9;"
    )
    up = "UPDATE kid SET parent = 2; DELETE FROM parents WHERE id = 1"
    house.write("2_b.sql", f"-- migrate:up\n{up};\n-- migrate:down\nSELECT 1;")
    assert house.do(JobKind.RUN, atomic=Atomicity.RUN).state is JobState.SUCCEEDED
    job = house.do(JobKind.ROLLBACK, count=2)
    assert job.state is JobState.SUCCEEDED, job
    assert _rows(house, "SELECT * FROM parents, kid ORDER BY 1") == before


@pytest.mark.parametrize(
    ("taken", "given", "outcome"),
    [
        ("UPDATE parents SET note = 'z' WHERE id = 1", "SELECT 1", None),
        ("ALTER TABLE parents DROP note", "ALTER TABLE parents ADD note text", None),
        ("UPDATE kid SET parent = 2 WHERE id = 1", "SELECT 1", "does not hold yet for rows that an earlier step"),
    ],
)
def test_a_later_step_that_keeps_may_heal_what_an_earlier_one_has_left(
    house: House, taken: str, given: str, outcome: str | None
) -> None:
    """In a run of one transaction, as PostgreSQL lets it: the deferred foreign key holds at the end."""
    parents = "CREATE TABLE parents (id int PRIMARY KEY, note text); INSERT INTO parents VALUES (1, 'a'), (2, 'b')"
    execute(house.dsn, f"{parents}; CREATE TABLE {DEFERRED}; INSERT INTO kid VALUES (1, 1)")
    before = _rows(house, "SELECT * FROM parents, kid ORDER BY 1")
    first = "-- migrate:up\nINSERT INTO kid VALUES (9, 9);\n-- migrate:down\nDELETE FROM kid WHERE id = 9;"
    house.write("1_a.sql", first)
    up, down = f"{taken}; INSERT INTO parents (id) VALUES (9)", f"{given}; DELETE FROM parents WHERE id = 9"
    house.write("2_b.sql", f"-- migrate:up\n{up};\n-- migrate:down\n{down};")
    run = house.do(JobKind.RUN, atomic=Atomicity.RUN)
    if outcome is None:
        assert run.state is JobState.SUCCEEDED, run
        back = house.do(JobKind.ROLLBACK, count=2, atomic=Atomicity.RUN)
        assert back.state is JobState.SUCCEEDED, back
    else:
        assert run.reason == "refused" and run.error is not None and outcome in run.error.message, run
    assert _rows(house, "SELECT * FROM parents, kid ORDER BY 1") == before
