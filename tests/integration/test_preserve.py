"""What a step would destroy comes back with the step that undoes it, on a real server."""

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.domain.job import Job, JobKind, JobState
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, value


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, shortcut=False) as house:
        yield house


def _done(house: House, kind: JobKind) -> Job:
    job = house.do(kind)
    assert job.state is JobState.SUCCEEDED, job
    return job


def _write(house: House, name: str, up: str, down: str) -> None:
    (house.folder / name).write_text(f"-- migrate:up\n{up}\n-- migrate:down\n{down}\n")


def test_a_dropped_column_comes_back_for_every_row_that_still_exists(house: House) -> None:
    execute(house.dsn, "CREATE TABLE notes (id int PRIMARY KEY, note text, n int)")
    execute(house.dsn, "INSERT INTO notes SELECT n, 'note ' || n, n FROM generate_series(1, 100) n")
    _write(
        house,
        "1_drop.sql",
        "ALTER TABLE notes DROP COLUMN note;",
        "ALTER TABLE notes ADD COLUMN note text DEFAULT 'new';",
    )
    job = _done(house, JobKind.RUN)
    assert job.steps[0].notice == "kept note of notes (100 rows)"
    execute(house.dsn, "DELETE FROM notes WHERE id <= 10; INSERT INTO notes VALUES (200, 1)")

    job = _done(house, JobKind.ROLLBACK)

    assert job.steps[0].notice == "gave back note of notes (90 of 100 rows); 10 rows not there any more"
    assert value(house.dsn, "SELECT count(*) FROM notes WHERE note = 'note ' || id") == 90
    assert value(house.dsn, "SELECT note FROM notes WHERE id = 200") == "new"


def test_a_table_that_has_filled_comes_back_with_its_rows_and_positions(house: House) -> None:
    up = (
        "CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text, "
        "twice text GENERATED ALWAYS AS (note || note) STORED);"
    )
    _write(house, "1_orders.sql", up, "DROP TABLE orders;")
    _done(house, JobKind.RUN)
    for cycle in range(1, 4):
        execute(house.dsn, f"INSERT INTO orders (note) SELECT 'order {cycle}' FROM generate_series(1, 5)")
        before = fetch(house.dsn, "SELECT * FROM orders ORDER BY id")
        _done(house, JobKind.ROLLBACK)
        job = _done(house, JobKind.RUN)
        assert job.steps[0].notice == f"gave back the table orders ({5 * cycle} rows)"
        assert fetch(house.dsn, "SELECT * FROM orders ORDER BY id") == before
    assert value(house.dsn, "INSERT INTO orders (note) VALUES ('x') RETURNING id") == 16


@pytest.mark.parametrize(
    "script",
    [
        "DELETE FROM notes WHERE id > 50",
        "TRUNCATE notes",
        "UPDATE notes SET note = 'same'",
        "DO $$ BEGIN DELETE FROM notes WHERE id % 2 = 0; UPDATE notes SET n = 0; END $$",
        "ALTER TABLE notes ALTER note TYPE varchar(2) USING left(note, 2)",
        "DROP TABLE notes CASCADE",
        "DO $$ BEGIN DROP TABLE notes; END $$",
        "ALTER TABLE notes RENAME TO it; ALTER TABLE it DROP COLUMN note; ALTER TABLE it RENAME TO notes",
    ],
)
def test_rows_come_back_whatever_took_them(house: House, script: str) -> None:
    table = "CREATE TABLE IF NOT EXISTS notes (id int PRIMARY KEY, note text, n int)"
    execute(house.dsn, table)
    execute(house.dsn, "INSERT INTO notes SELECT n, 'note ' || n, n FROM generate_series(1, 100) n")
    before = fetch(house.dsn, "SELECT id, note, n FROM notes ORDER BY id")
    undo = (
        f"{table}; ALTER TABLE notes ALTER note TYPE text"
        if "TYPE" in script
        else f"{table}; ALTER TABLE notes ADD COLUMN IF NOT EXISTS note text"
    )
    _write(house, "1_lossy.sql", script + ";", undo + ";")
    for _ in range(2):
        _done(house, JobKind.RUN)
        assert fetch(house.dsn, "SELECT 1 FROM pg_trigger WHERE NOT tgisinternal AND tgname ~ 'liftlock'") == []
        _done(house, JobKind.ROLLBACK)
        assert fetch(house.dsn, "SELECT id, note, n FROM notes ORDER BY id") == before


TYPES = {
    "smallint": "n",
    "bigint": "n::bigint * 1000000000",
    "numeric(12,3)": "n / 7.0",
    "real": "n / 3.0",
    "float8": "n / 3.0",
    "text": "repeat(md5(n::text), 200)",
    "varchar(40)": "md5(n::text)",
    "char(9)": "'c' || n",
    "bytea": "decode(md5(n::text), 'hex')",
    "boolean": "n % 2 = 0",
    "date": "date '2026-01-01' + n",
    "timestamptz": "timestamptz '2026-01-01' + n * interval '1 s'",
    "interval": "n * interval '1 day 1 s'",
    "uuid": "md5(n::text)::uuid",
    "jsonb": "jsonb_build_object('n', n)",
    "json": "json_build_object('n', n)",
    "int[]": "ARRAY[n, NULL, 3]",
    "text[]": "ARRAY['a,b', NULL, '\"']",
    "inet": "'10.0.0.1'::inet + n",
    "int4range": "int4range(n, n + 5)",
    "int4multirange": "int4multirange(int4range(n, n + 5))",
    "point": "point(n, n)",
    "bit(5)": "n::bit(5)",
    "varbit": "n::bit(8)::varbit",
    "tsvector": "to_tsvector('simple', 'w' || n)",
    "money": "n::numeric::money",
    "oid": "n::oid",
    "own.mood": "(ARRAY['sad', 'Very ok'])[1 + n % 2]::own.mood",
    "own.positive": "n::own.positive",
    "own.pair": "ROW(n, 'x,' || n)::own.pair",
    "own.mood[]": "ARRAY['sad', NULL]::own.mood[]",
    "own.span": "own.span(n, n + 1)",
}
OWN = (
    "CREATE SCHEMA own; CREATE TYPE own.mood AS ENUM ('sad', 'Very ok');"
    "CREATE DOMAIN own.positive AS int CHECK (VALUE > 0);"
    "CREATE TYPE own.pair AS (a int, b text); CREATE TYPE own.span AS RANGE (subtype = float8)"
)
KEYS = {
    "primary": "id int PRIMARY KEY, other int",
    "composite": "id int, other int, PRIMARY KEY (other, id)",
    "unique": "id int UNIQUE, other int",
    "quoted": '"Id ""x""" int PRIMARY KEY, other int',
}
ALTERED = 'ALTER TABLE own."T a" '


def _each(action: str) -> str:
    """One action of ALTER TABLE for the column of each type."""
    return ", ".join(action.format(at=at, type=name) for at, name in enumerate(TYPES))


LOSSES = {
    "column": (ALTERED + _each('DROP "The {at}"'), ALTERED + _each('ADD "The {at}" {type}')),
    "table": ('DROP TABLE own."T a"', "{table}"),
    "deleted": ('DELETE FROM own."T a"', "SELECT 1"),
    "truncated": ('TRUNCATE own."T a"', "SELECT 1"),
    "updated": ('UPDATE own."T a" SET ' + _each('"The {at}" = NULL'), "SELECT 1"),
    "retyped": (
        ALTERED + _each('ALTER "The {at}" TYPE tid USING NULL'),
        ALTERED + _each('ALTER "The {at}" TYPE {type} USING NULL'),
    ),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("key", KEYS)
def test_every_type_survives_every_loss(house: House, loss: str, key: str) -> None:
    """A column for each type, with NULLs among the values."""
    columns = _each('"The {at}" {type}')
    table = f'CREATE TABLE own."T a" ({KEYS[key]}, {columns})'
    values = ", ".join(f"CASE WHEN n > 2 THEN {made} END" for made in TYPES.values())
    execute(house.dsn, f"{OWN}; {table}")
    execute(house.dsn, f'INSERT INTO own."T a" SELECT n, n % 3, {values} FROM generate_series(1, 20) n')
    up, down = LOSSES[loss]
    _write(house, "1_lossy.sql", f"{up};", f"{table if down == '{table}' else down};")
    everything = 'SELECT t::text AS row FROM own."T a" t ORDER BY 1'
    before = fetch(house.dsn, everything)
    assert len(before) == 20
    for _ in range(2):
        _done(house, JobKind.RUN)
        assert value(house.dsn, "SELECT to_regclass('own.\"T a\"') IS NULL") or fetch(house.dsn, everything) != before
        _done(house, JobKind.RESET)
        assert fetch(house.dsn, everything) == before
    unsettled = "SELECT relation_name, remarks FROM liftlock.preserved WHERE direction = 'up' AND state <> 'restored'"
    assert fetch(house.dsn, unsettled) == []
    tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'liftlock_preserved'::regnamespace AND relkind = 'r'"
    assert value(house.dsn, f"SELECT ({tables}) = (SELECT count(*) FROM liftlock.preserved WHERE state = 'kept')")


def test_foreign_keys_also_cyclic_ones_hold_when_tables_come_back(house: House) -> None:
    up = (
        "CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);"
        "ALTER TABLE a ADD CONSTRAINT a_b FOREIGN KEY (b) REFERENCES b DEFERRABLE INITIALLY DEFERRED;"
        "CREATE TABLE own_parent (id int PRIMARY KEY, parent int REFERENCES own_parent);"
        "COMMENT ON CONSTRAINT a_b ON a IS 'it''s cyclic';"
    )
    _write(house, "1_cycle.sql", up, "DROP TABLE own_parent; DROP TABLE a, b CASCADE;")
    _done(house, JobKind.RUN)
    execute(house.dsn, "BEGIN; INSERT INTO a VALUES (1, 7), (2, NULL); INSERT INTO b VALUES (7, 1), (8, 2); COMMIT")
    execute(house.dsn, "INSERT INTO own_parent VALUES (1, 1), (2, 1), (3, 2)")
    constraints = (
        "SELECT conname, pg_get_constraintdef(oid), convalidated, obj_description(oid, 'pg_constraint') "
        "FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1"
    )
    before = fetch(house.dsn, constraints)
    _done(house, JobKind.ROLLBACK)
    _done(house, JobKind.RUN)
    assert [tuple(row) for row in fetch(house.dsn, "SELECT * FROM a ORDER BY 1")] == [(1, 7), (2, None)]
    assert [tuple(row) for row in fetch(house.dsn, "SELECT * FROM b ORDER BY 1")] == [(7, 1), (8, 2)]
    assert value(house.dsn, "SELECT count(*) FROM own_parent") == 3
    assert fetch(house.dsn, constraints) == before


def test_rows_whose_foreign_key_leads_nowhere_now_are_counted_and_stay_kept(house: House) -> None:
    execute(house.dsn, "CREATE TABLE people (id int PRIMARY KEY); INSERT INTO people VALUES (1), (2)")
    up = "CREATE TABLE pets (id int PRIMARY KEY, owner int REFERENCES people); INSERT INTO pets VALUES (9, 1);"
    _write(house, "1_pets.sql", up, "DROP TABLE pets;")
    _done(house, JobKind.RUN)
    execute(
        house.dsn,
        "INSERT INTO pets VALUES (10, 2); UPDATE pets SET owner = 2 WHERE id = 9; INSERT INTO pets VALUES (11, 1)",
    )
    _done(house, JobKind.ROLLBACK)
    execute(house.dsn, "DELETE FROM people WHERE id = 2")

    job = _done(house, JobKind.RUN)

    assert [tuple(row) for row in fetch(house.dsn, "SELECT * FROM pets")] == [(11, 1)]
    notice = "gave back the table pets (1 of 3 rows); 2 rows whose foreign key leads nowhere now"
    assert job.steps[0].notice == notice
    (kept,) = fetch(house.dsn, "SELECT state, restored, id FROM liftlock.preserved")
    assert (kept["state"], kept["restored"]) == ("partly_restored", 1)
    assert value(house.dsn, f"SELECT count(*) FROM liftlock_preserved.kept_{kept['id'].hex}") == 3


PARTED = (
    "CREATE TABLE logs (id int, at int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
    "CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (0) TO (10);"
    "CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (at);"
    "CREATE TABLE logs_2a PARTITION OF logs_2 FOR VALUES FROM (10) TO (20);"
    "CREATE TABLE base (id int); CREATE TABLE child (more text) INHERITS (base);"
)
PARTED_ROWS = """
    SELECT tableoid::regclass::text AS place, id FROM logs UNION ALL SELECT tableoid::regclass::text, id FROM base
    ORDER BY 1, 2
"""


def _fill_parted(house: House) -> list[asyncpg.Record]:
    execute(house.dsn, "INSERT INTO logs SELECT n, n FROM generate_series(0, 19) n")
    execute(house.dsn, "INSERT INTO base VALUES (1); INSERT INTO child VALUES (2, 'x')")
    return fetch(house.dsn, PARTED_ROWS)


def test_partitioned_and_inherited_tables_come_back_with_the_rows_of_each(house: House) -> None:
    _write(house, "1_logs.sql", PARTED, "DROP TABLE logs; DROP TABLE base CASCADE;")
    _done(house, JobKind.RUN)
    before = _fill_parted(house)
    for _ in range(2):
        _done(house, JobKind.ROLLBACK)
        assert value(house.dsn, "SELECT to_regclass('logs') IS NULL")
        _done(house, JobKind.RUN)
        assert fetch(house.dsn, PARTED_ROWS) == before
        assert value(house.dsn, "SELECT more FROM child") == "x"


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("DELETE FROM logs WHERE id < 13", "SELECT 1"),
        ("TRUNCATE logs", "SELECT 1"),
        ("TRUNCATE logs_2", "SELECT 1"),
        ("DO $$ BEGIN DELETE FROM logs_2a WHERE id > 15; DELETE FROM logs WHERE id = 3; END $$", "SELECT 1"),
        (
            "DROP TABLE logs_2",
            "CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (at);"
            "CREATE TABLE logs_2a PARTITION OF logs_2 FOR VALUES FROM (10) TO (20)",
        ),
        ("ALTER TABLE logs ADD note text; ALTER TABLE logs DROP id CASCADE", "ALTER TABLE logs DROP note, ADD id int"),
        ("DELETE FROM child", "SELECT 1"),
    ],
)
def test_rows_of_partitions_come_back_whatever_took_them(house: House, up: str, down: str) -> None:
    execute(house.dsn, PARTED)
    before = _fill_parted(house)
    _write(house, "1_lossy.sql", f"{up};", f"{down};")
    job = house.do(JobKind.RUN)
    if "CASCADE" in up:
        # no other key finds them again, and an open environment lets them go
        assert (
            job.steps[0].notice
            == "lost, as was consented to: id of logs: no primary key or unique index finds its rows again"
        )
        return
    assert job.state is JobState.SUCCEEDED, job
    assert fetch(house.dsn, PARTED_ROWS) != before
    _done(house, JobKind.ROLLBACK)
    assert fetch(house.dsn, PARTED_ROWS) == before


def test_what_an_application_has_changed_since_is_left_as_it_is(house: House) -> None:
    execute(
        house.dsn, "CREATE TABLE prices (id int PRIMARY KEY, price int); INSERT INTO prices VALUES (1, 10), (2, 21)"
    )
    _write(house, "1_half.sql", "UPDATE prices SET price = price / 2;", "UPDATE prices SET price = price * 2;")
    _done(house, JobKind.RUN)
    execute(house.dsn, "INSERT INTO prices VALUES (3, 5); UPDATE prices SET price = 99 WHERE id = 1")

    job = _done(house, JobKind.ROLLBACK)

    assert [tuple(row) for row in fetch(house.dsn, "SELECT * FROM prices ORDER BY 1")] == [(1, 198), (2, 21), (3, 10)]
    assert job.steps[0].notice is not None and "1 row changed since, and left as they are" in job.steps[0].notice
