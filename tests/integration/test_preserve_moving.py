"""A large table that a script drops is moved instead of copied where that comes to the same; else it is copied."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.adapters.target.holdings import read_holdings
from app.adapters.target.preserve import moving
from app.domain import keeping
from app.domain.job import Job, JobKind, JobState
from app.domain.losses import Drops, drops_of
from app.domain.step import step_up
from app.domain.taking import removals_of
from tests.domain.literals import sql
from tests.support.eventually import eventually
from tests.support.house import House, open_house, working
from tests.support.servers import Servers, execute, fetch, value

BIG = (
    "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE people (id int PRIMARY KEY); INSERT INTO people VALUES (1);"
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    "CREATE FUNCTION twice(n int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT n * 2';"
    "CREATE TABLE big (id bigserial PRIMARY KEY, person int DEFAULT 1 REFERENCES people, gone int,"
    ' n int NOT NULL DEFAULT 3 CHECK (n > 0), at timestamptz DEFAULT now(), note text COLLATE "C" UNIQUE,'
    " doubled int GENERATED ALWAYS AS (twice(n)) STORED, parent bigint REFERENCES big);"
    "ALTER TABLE big DROP gone; CREATE INDEX big_n ON big (twice(n)); COMMENT ON TABLE big IS 'it';"
    "CREATE STATISTICS big_s ON n, person FROM big; CREATE TRIGGER touched BEFORE UPDATE ON big FOR EACH ROW"
    " EXECUTE FUNCTION touch(); CREATE POLICY seen ON big USING (n > 1);"
    "ALTER TABLE big ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
    "GRANT SELECT ON big TO PUBLIC; GRANT UPDATE (note) ON big TO PUBLIC; GRANT SELECT ON big_id_seq TO PUBLIC"
)
ROWS = "INSERT INTO big (n, note, parent) SELECT n, 'note ' || n, nullif(n - 1, 0) FROM generate_series(1, 40) n"
EVERY = "SELECT id, person, n, at, note, doubled, parent FROM big ORDER BY id"
KEPT = "SELECT c.oid::bigint FROM pg_class c WHERE c.relname LIKE 'kept\\_%' AND c.relkind = 'r'"
CATALOG = """
    SELECT 'relation' AS kind, c.oid::regclass::text AS name FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'constraint', conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'trigger', tgname FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'function', proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'type', typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
    UNION ALL SELECT 'default', adrelid::regclass::text FROM pg_attrdef
    ORDER BY 1, 2
"""


@pytest.fixture(autouse=True)
def _every_table_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "LEAST_BYTES", 1)
    monkeypatch.setattr(keeping, "LEAST_MOVED_BYTES", 1)


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder, shortcut=False) as house:
        execute(house.dsn, f"{BIG}; SET row_security = off; ALTER TABLE big NO FORCE ROW LEVEL SECURITY; {ROWS}")
        execute(house.dsn, "ALTER TABLE big FORCE ROW LEVEL SECURITY")
        yield house


def _write(house: House, up: str, down: str = "SELECT 1") -> None:
    house.write("1_drop.sql", f"-- migrate:up\n{up};\n-- migrate:down\n{down};\n")


def _done(house: House, kind: JobKind = JobKind.RUN) -> Job:
    job = house.do(kind)
    assert job.state is JobState.SUCCEEDED, job
    return job


def _oid(house: House, table: str = "big") -> int:
    (row,) = fetch(house.dsn, f"SELECT '{table}'::regclass::oid::bigint AS oid")
    return int(row["oid"])


def _moved(house: House) -> set[int]:
    return {row["oid"] for row in fetch(house.dsn, KEPT)}


MOVED = {
    "plain": ("SELECT 1", "DROP TABLE big"),
    "if it is there": ("SELECT 1", "DROP TABLE IF EXISTS big, nowhere"),
    "with what it used": ("SELECT 1", "DROP TABLE big; DROP FUNCTION touch()"),
    "with what it referred to": ("SELECT 1", "DROP TABLE big; DROP TABLE people"),
    "both at once": ("SELECT 1", "DROP TABLE people, big"),
    "and another in its place": ("SELECT 1", "DROP TABLE big; CREATE TABLE big (id int PRIMARY KEY)"),
    "a view first": ("CREATE VIEW seen AS SELECT id FROM big GROUP BY id", "DROP VIEW seen; DROP TABLE big"),
    "a view by cascade": (
        "CREATE VIEW seen AS SELECT id, note FROM big GROUP BY id; CREATE MATERIALIZED VIEW again AS TABLE seen;"
        "CREATE VIEW n AS SELECT n FROM big",
        "DROP TABLE big CASCADE",
    ),
    "a foreign key by cascade": (
        "CREATE TABLE child (id int PRIMARY KEY, big bigint REFERENCES big)",
        "DROP TABLE big CASCADE",
    ),
    "a default by cascade": (
        "CREATE TABLE other (id bigint DEFAULT nextval('big_id_seq'))",
        "DROP TABLE big CASCADE",
    ),
}
COPIED = {
    "a type of its own": ("ALTER TABLE big ADD mood mood DEFAULT 'ok'", "DROP TABLE big; DROP TYPE mood"),
    "its type is used": ("CREATE TABLE other (big big)", "DROP TABLE big CASCADE"),
    "a function of its type": (
        "CREATE FUNCTION f(b big) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP TABLE big CASCADE",
    ),
    "what computes a column": ("SELECT 1", "DROP TABLE big; DROP FUNCTION twice(int)"),
    "an index by name": ("SELECT 1", "DROP INDEX big_n; DROP TABLE big"),
    "a policy by name": ("SELECT 1", "DROP POLICY seen ON big; DROP TABLE big"),
    "its shape is read": ("SELECT 1", "CREATE TABLE shape (LIKE big); DROP TABLE big"),
    "its rows are read": ("SELECT 1", "CREATE TABLE copied AS TABLE big; DROP TABLE big"),
    "they are counted": (
        "CREATE TABLE counted (n bigint)",
        "INSERT INTO counted SELECT count(*) FROM big; DROP TABLE big",
    ),
    "nobody knows": ("SELECT 1", "DO $$ BEGIN DROP TABLE big; END $$"),
    "children": ("CREATE TABLE child (more int) INHERITS (big)", "DROP TABLE big CASCADE"),
    "a parent": ("CREATE TABLE base (id bigint NOT NULL); ALTER TABLE big INHERIT base", "DROP TABLE big"),
    "not logged": ("ALTER TABLE big DROP CONSTRAINT big_person_fkey; ALTER TABLE big SET UNLOGGED", "DROP TABLE big"),
    "a rule": ("CREATE RULE quiet AS ON DELETE TO big DO INSTEAD NOTHING", "DROP TABLE big"),
    "published": ("CREATE PUBLICATION told FOR TABLE big", "DROP TABLE big"),
    "somebody else's": ("CREATE ROLE {role}; ALTER TABLE big OWNER TO {role}", "DROP TABLE big"),
    "an event trigger": (
        "CREATE FUNCTION looks() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER looks ON sql_drop EXECUTE FUNCTION looks()",
        "DROP TABLE big",
    ),
}
UNSURE = {"with what it used"}
"""Moved, though a plan cannot tell: the function might have been one that computes a column."""
CASES = [(how, *MOVED[how], True) for how in MOVED] + [(how, *COPIED[how], False) for how in COPIED]


@pytest.mark.parametrize(("how", "before", "up", "moved"), CASES, ids=[case[0] for case in CASES])
def test_the_catalog_is_the_one_that_dropping_ends_with_and_every_row_is_kept(
    house: House, how: str, before: str, up: str, moved: bool
) -> None:
    execute(house.dsn, before.replace("{role}", f"owner_{abs(hash(house.dsn))}"))
    oid = _oid(house)
    wanted = asyncio.run(_catalog_after(house.dsn, up))
    _write(house, up, BIG)
    foretold = asyncio.run(_foretold(house.dsn, up))

    job = _done(house)

    assert job.steps[0].notice is not None and "kept the table big (40 rows)" in job.steps[0].notice
    assert (oid in _moved(house)) is moved
    assert foretold is (moved and how not in UNSURE)
    assert fetch(house.dsn, CATALOG) == wanted
    if how == "they are counted":
        assert value(house.dsn, "SELECT n FROM counted") == 40
    if how == "its rows are read":
        assert value(house.dsn, "SELECT count(*) FROM copied") == 40


async def _foretold(dsn: str, up: str) -> bool:
    """Whether a plan says that the table will be moved."""
    steps = [step_up(sql("drop", "1", up=up))]
    connection = await asyncpg.connect(dsn)
    try:
        removals = removals_of(steps)
        held = await read_holdings(connection, "", removals)
    finally:
        await connection.close()
    keeps = keeping.keeping_of(steps, removals, held, 10**12).keeps
    return any(one.moved for one in keeps if one.table == "public.big")


async def _catalog_after(dsn: str, script: str) -> list[asyncpg.Record]:
    """What a plain server ends with."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"BEGIN; {script}")
        return list(await connection.fetch(CATALOG))
    finally:
        await connection.close()


TABLE = BIG[BIG.index("CREATE TABLE big") :]


def test_what_was_moved_goes_back_whole_and_can_go_again(house: House) -> None:
    rows = fetch(house.dsn, EVERY)
    _write(house, "DROP TABLE big", TABLE)
    for _ in range(2):
        oid = _oid(house)
        _done(house)
        assert oid in _moved(house)
        job = _done(house, JobKind.ROLLBACK)
        assert job.steps[0].notice == "gave back the table big (40 rows)"
        assert fetch(house.dsn, EVERY) == rows
        assert _moved(house) == set()
        assert value(house.dsn, "SELECT nextval('big_id_seq') > 40")
        execute(house.dsn, "SELECT setval('big_id_seq', 40)")


def test_what_was_moved_holds_on_to_nothing_and_nobody_else_may_read_it(house: House) -> None:
    role = f"reader_{abs(hash(house.dsn))}"
    execute(house.dsn, f"CREATE ROLE {role}; GRANT ALL ON big TO {role}; GRANT SELECT (note) ON big TO {role}")
    try:
        oid = _oid(house)
        _write(house, "DROP TABLE big")
        _done(house)
        (table,) = fetch(
            house.dsn,
            f"SELECT relrowsecurity, relforcerowsecurity, relchecks, "
            f"has_any_column_privilege('{role}', oid, 'SELECT, UPDATE, INSERT, REFERENCES') AS granted, "
            f"has_schema_privilege('{role}', relnamespace, 'USAGE') AS usable, "
            f"(SELECT count(*) FROM pg_attrdef WHERE adrelid = c.oid) AS defaults, "
            f"(SELECT count(*) FROM pg_policy WHERE polrelid = c.oid) AS policies FROM pg_class c WHERE oid = {oid}",
        )
        assert (table["relrowsecurity"], table["relforcerowsecurity"], table["relchecks"]) == (True, False, 0)
        assert (table["granted"], table["usable"], table["defaults"], table["policies"]) == (False, False, 0, 0)
        assert value(house.dsn, f"SELECT count(*) FROM pg_index WHERE indrelid = {oid}") == 0
        assert value(house.dsn, f"SELECT count(*) FROM pg_trigger WHERE tgrelid = {oid}") == 0
        execute(house.dsn, "DROP TABLE people; DROP FUNCTION touch(); DROP FUNCTION twice(int)")
        attributes = f"SELECT attname FROM pg_attribute WHERE attrelid = {oid} AND attacl IS NOT NULL"
        assert fetch(house.dsn, attributes) == []
    finally:
        execute(house.dsn, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_write_that_waited_for_the_table_finds_it_gone_and_never_the_moved_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved, written = threading.Event(), threading.Event()
    finish = moving.Moves.finish

    async def finish_and_wait(moves: moving.Moves) -> None:
        await finish(moves)
        if moves._moved:
            moved.set()
            await asyncio.to_thread(written.wait, 20)

    monkeypatch.setattr(moving.Moves, "finish", finish_and_wait)
    oid = _oid(house)
    _write(house, "DROP TABLE big")
    answers = asyncio.run(_write_while(house, moved, written))
    assert [type(answer) for answer in answers] == [asyncpg.UndefinedTableError] * 3
    assert _moved(house) == {oid}
    assert value(house.dsn, "SELECT rows FROM liftlock.preserved") == 40
    assert value(house.dsn, f"SELECT count(*) FROM {value(house.dsn, f'SELECT {oid}::oid::regclass::text')}") == 40


async def _write_while(house: House, moved: threading.Event, written: threading.Event) -> list[object]:
    """Writers by name, prepared, and through the cached plan of a function: all wait while the table is moved."""
    writers = [await asyncpg.connect(house.dsn) for _ in range(3)]
    prepared = await writers[0].prepare("INSERT INTO big (n) VALUES (77)")
    await prepared.fetch()
    await writers[1].execute(
        "CREATE FUNCTION pg_temp.put() RETURNS void LANGUAGE plpgsql AS 'BEGIN INSERT INTO big (n) VALUES (78); END';"
        "SELECT pg_temp.put(); DELETE FROM big WHERE n IN (77, 78)"
    )
    with working(house, house.submit(JobKind.RUN).job.id):
        await asyncio.to_thread(moved.wait, 20)
        tasks = [
            asyncio.create_task(prepared.fetch()),
            asyncio.create_task(writers[1].execute("SELECT pg_temp.put()")),
            asyncio.create_task(writers[2].execute("INSERT INTO big (n) VALUES (79)")),
        ]
        waiting = "SELECT count(*) = 3 FROM pg_locks WHERE NOT granted AND mode = 'RowExclusiveLock'"
        await asyncio.to_thread(eventually, lambda: value(house.dsn, waiting))
        written.set()
        answers: list[object] = list(await asyncio.gather(*tasks, return_exceptions=True))
    for one in writers:
        await one.close()
    return answers


@pytest.mark.parametrize(("verify", "moved"), [("relname = 'big'", True), ("relname = 'big_pkey'", False)])
def test_what_verifies_the_step_finds_nothing_left_of_the_table(house: House, verify: str, moved: bool) -> None:
    oid = _oid(house)
    verified = f"-- migrate:verify\nSELECT count(*) = 0 FROM pg_class WHERE {verify};\n"
    house.write("1_drop.sql", f"-- migrate:up\nDROP TABLE big;\n{verified}")
    _done(house)
    assert (oid in _moved(house)) is moved


def test_a_script_is_tried_with_copies_when_the_catalog_is_another_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> list[str]:
        return []

    monkeypatch.setattr(moving, "strip_before", nothing)
    oid = _oid(house)
    _write(house, "DROP TABLE big; DROP FUNCTION touch()")
    _done(house)
    assert oid not in _moved(house) and len(_moved(house)) == 1
    assert value(house.dsn, "SELECT count(*) FROM pg_proc WHERE proname = 'touch'") == 0


def test_rows_of_a_moved_table_of_which_some_stay_kept_are_not_written_into_by_others(house: House) -> None:
    """A set of an older step names the table by its OID, which is that of the kept rows now."""
    execute(house.dsn, "ALTER TABLE big NO FORCE ROW LEVEL SECURITY; UPDATE big SET parent = NULL")
    oid = _oid(house)
    house.write("1_delete.sql", "-- migrate:up\nDELETE FROM big WHERE id = 40;\n-- migrate:down\nSELECT 1;\n")
    house.write("2_drop.sql", f"-- migrate:up\nDROP TABLE big;\n-- migrate:down\n{TABLE.replace('n > 0', 'n <> 7')};\n")
    _done(house)
    _done(house, JobKind.RESET)
    kept = fetch(house.dsn, "SELECT kind, state, restored FROM liftlock.preserved ORDER BY kind")
    assert [tuple(row) for row in kept] == [("deleted", "restored", 1), ("table", "partly_restored", 38)]
    assert _moved(house) == {oid}
    assert value(house.dsn, f"SELECT count(*) FROM {value(house.dsn, f'SELECT {oid}::oid::regclass::text')}") == 39
    assert value(house.dsn, "SELECT count(*) FROM big WHERE id = 40") == 1


def test_a_moved_table_is_no_drift(house: House) -> None:
    _write(house, "DROP TABLE big")
    _done(house)
    house.write("2_more.sql", "-- migrate:up\nCREATE TABLE more (id int);\n")
    assert not any("drift" in notice for notice in _done(house).notices)


@pytest.mark.parametrize(
    ("script", "drops"),
    [
        ("DROP TABLE a, s.b CASCADE; DROP SCHEMA c, d", Drops(("public.a", "s.b"), ("c", "d"))),
        ("DROP TABLE IF EXISTS a; COMMENT ON TABLE b IS 'c'; CREATE TABLE d (e int)", Drops(("public.a",), ())),
        ("DROP TABLE a; CREATE TABLE b AS SELECT 1", None),
        ("DROP TABLE a; SELECT 1", None),
        ("DROP TABLE a; ALTER TABLE b ADD CHECK (f(1) > 0)", None),
        ("DROP OWNED BY a", None),
        ("DROP EXTENSION a CASCADE", None),
        ("INSERT INTO b TABLE a; DROP TABLE a", None),
    ],
)
def test_only_a_script_that_reads_no_rows_has_its_tables_moved(script: str, drops: Drops | None) -> None:
    assert drops_of(step_up(sql("x", "1", up=script))) == drops
