"""Behind a real PgBouncer that pools transactions: a session is never the same twice, and nothing may rely on one."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from app.adapters.target import pooling
from app.adapters.target.fitness import PostgresFitness
from app.domain.environment import Dsn, Environment, OnFailure
from app.domain.errors import BackendUnusable
from app.domain.job import JobKind, JobState, Origin
from app.settings import Timing
from tests.chaos.checks import EFFECTS
from tests.chaos.load import write_sql
from tests.support.eventually import eventually
from tests.support.house import House, open_house, working
from tests.support.pgbouncer import PgBouncer, running_pgbouncer
from tests.support.servers import Servers, execute, fetch, held, is_asleep, value

pytestmark = [pytest.mark.servers, pytest.mark.system]

NAMES = ("m1", "m2", "m4")
SESSIONS = 4
PATIENT = Timing(lease_ttl_ms=30_000, beat_every_ms=500, look_every_ms=100, lock_timeout_ms=500, lock_retry_base_ms=20)
DEFINING = (
    "-- migrate:up\nCREATE TABLE {0} (id int);\nCREATE INDEX {0}_id ON {0} (id);\n-- migrate:down\nDROP TABLE {0};\n"
)
ALONE = (
    "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY effects_by_name ON effects (name);\n"
    "-- migrate:down transaction:false\nDROP INDEX CONCURRENTLY effects_by_name;\n"
)
FAILING = "-- migrate:up\nCREATE TABLE half (id int);\nCREATE INDEX half_of ON nowhere (id);\n"
READING = """\
async def up(connection):
    found = connection.cursor("SELECT generate_series(1, $1)", 9, prefetch=2)
    assert [row[0] async for row in found] == [*range(1, 10)]
"""
CHOOSY = (
    "-- migrate:up\nSET search_path = pg_catalog;\nSET statement_timeout = '9min';\n"
    "CREATE TABLE public.choosy (id int);\n-- migrate:down\nDROP TABLE choosy;\n"
)


@pytest.fixture(scope="module")
def pooler(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PgBouncer]:
    with running_pgbouncer(tmp_path_factory.mktemp("pgbouncer"), servers.postgres) as running:
        yield running


@pytest.fixture
def dsn(servers: Servers) -> str:
    """Of the target, straight to the server."""
    target = servers.new_database()
    execute(target, EFFECTS)
    return target


@pytest.fixture
def house(servers: Servers, pooler: PgBouncer, folder: Path, dsn: str) -> Iterator[House]:
    with housed(servers, pooler, folder, dsn) as opened:
        yield opened


@contextmanager
def housed(servers: Servers, pooler: PgBouncer, folder: Path, dsn: str, direct: str | None = None) -> Iterator[House]:
    """Its target is reached through the pooler, which has several connections to hand out already."""
    pooled = pooler.reached(dsn)
    asyncio.run(_fill_pool(pooled))
    environment = Environment("development", Dsn(pooled), direct=Dsn(direct) if direct else None)
    with open_house(
        servers, folder, environments={"development": environment}, timing=PATIENT, lock_tries=1000
    ) as opened:
        yield opened


async def _fill_pool(dsn: str) -> None:
    connections = [await asyncpg.connect(dsn, statement_cache_size=0) for _ in range(SESSIONS)]
    for connection in connections:
        await connection.execute("BEGIN; SELECT 1")
    for connection in connections:
        await connection.execute("COMMIT")
        await connection.close()


SEEN = pytest.mark.parametrize(
    "made_up", [pooling.is_made_up, lambda _: False], ids=["seen at once", "seen by its process"]
)
"""By the number that a pooler makes up for a session, or only by that of the process behind it."""


def test_a_pooler_hands_out_another_connection_each_time(house: House) -> None:
    async def ask() -> set[int]:
        connection = await asyncpg.connect(_pooled(house), statement_cache_size=0)
        try:
            return {await connection.fetchval("SELECT pg_backend_pid()") for _ in range(SESSIONS)}
        finally:
            await connection.close()

    assert len(asyncio.run(ask())) > 1


def test_a_run_and_a_rollback_take_effect_once(house: House, dsn: str) -> None:
    write_sql(house.folder, NAMES)
    for name in ("a5", "a6"):
        house.write(f"{name[1:]}_{name}.sql", DEFINING.format(name))

    assert house.do().state is JobState.SUCCEEDED
    assert set(house.statuses().values()) == {"completed"}
    assert fetch(dsn, "SELECT count(*) FROM pg_class WHERE relname IN ('a5_id', 'a6_id')")[0][0] == 2

    assert house.do(JobKind.ROLLBACK, count=4).state is JobState.SUCCEEDED
    assert sorted(house.statuses().values()) == ["completed", *["rolled_back"] * 4]
    assert house.do().state is JobState.SUCCEEDED
    _expect_once(dsn)


@SEEN
def test_neither_a_job_nor_a_question_prepares_what_stays_behind_on_a_shared_connection(
    house: House, monkeypatch: pytest.MonkeyPatch, made_up: Callable[[int], bool]
) -> None:
    monkeypatch.setattr(pooling, "is_made_up", made_up)
    write_sql(house.folder, NAMES)
    house.write("5_a5.sql", DEFINING.format("a5"))
    house.write("6_a6.py", READING)

    assert house.do().state is JobState.SUCCEEDED
    for _ in range(SESSIONS):
        assert len(house.http("GET", "/migrations").get_json()) == len(NAMES) + 2

    for _ in range(SESSIONS):
        assert _through(house, "SELECT name FROM pg_prepared_statements") == []


def test_what_a_script_sets_does_not_stay_on_a_shared_connection(house: House) -> None:
    house.write("1_choosy.sql", CHOOSY)

    assert house.do().state is JobState.SUCCEEDED

    for _ in range(2 * SESSIONS):
        assert _through(house, "SELECT current_setting('search_path')") == [('"$user", public',)]
        assert _through(house, "SELECT current_setting('statement_timeout')") == [("0",)]


def test_nobody_goes_on_under_the_name_of_a_job(house: House) -> None:
    write_sql(house.folder, NAMES)
    house.write("5_choosy.sql", CHOOSY)

    assert house.do().state is JobState.SUCCEEDED

    names = {_through(house, "SELECT current_setting('application_name')")[0][0] for _ in range(3 * SESSIONS)}
    assert [name for name in names if str(name).startswith("liftlock:job")] == []


def test_what_others_keep_on_a_shared_connection_stays_there(house: House) -> None:
    keep = "DO $$ BEGIN EXECUTE 'PREPARE theirs AS SELECT 1'; EXCEPTION WHEN duplicate_prepared_statement THEN END $$"
    kept = "SELECT pg_backend_pid(), EXISTS (SELECT 1 FROM pg_prepared_statements WHERE name = 'theirs')"
    for _ in range(2 * SESSIONS):
        _through(house, keep)
    with_it = {pid for _ in range(2 * SESSIONS) for pid, is_kept in _through(house, kept) if is_kept}
    house.write("1_choosy.sql", CHOOSY)
    house.write("2_a2.sql", DEFINING.format("a2"))

    assert house.do().state is JobState.SUCCEEDED

    after = [_through(house, kept)[0] for _ in range(2 * SESSIONS)]
    assert with_it and {is_kept for pid, is_kept in after if pid in with_it} == {True}


@pytest.mark.parametrize(("way", "left"), [(OnFailure.STOP, "completed"), (OnFailure.ROLLBACK, "rolled_back")])
def test_a_run_that_fails_says_where_and_leaves_what_was_asked(
    house: House, dsn: str, way: OnFailure, left: str
) -> None:
    write_sql(house.folder, NAMES)
    house.write("9_failing.sql", FAILING)

    job = house.do(on_failure=way)

    assert job.state is JobState.FAILED and job.error is not None
    assert (job.error.file, job.error.line, job.error.sqlstate) == ("9_failing.sql", 3, "42P01")
    assert house.statuses() == {**dict.fromkeys(NAMES, left), "failing": "failed"}
    assert value(dsn, "SELECT to_regclass('half') IS NULL") is True
    _expect_once(dsn)


def test_what_needs_no_transaction_is_refused_with_the_setting_and_goes_with_it(
    servers: Servers, pooler: PgBouncer, folder: Path, dsn: str
) -> None:
    with housed(servers, pooler, folder, dsn) as house:
        house.write("1_alone.sql", ALONE)
        job = house.do()
        assert job.state is JobState.FAILED and job.error is not None
        assert "pooler" in job.error.message and "`directUrl`" in " ".join(job.error.next_steps)
        assert value(dsn, "SELECT to_regclass('effects_by_name') IS NULL") is True

    with housed(servers, pooler, folder, dsn, direct=dsn) as house:
        assert house.do().state is JobState.SUCCEEDED
        assert value(dsn, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'effects_by_name'::regclass") is True
        assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED
        assert house.statuses() == {"alone": "rolled_back"}


@pytest.mark.parametrize("before", ["", "SET search_path = public;\n"])
@SEEN
def test_a_running_statement_is_cancelled_through_the_pooler(
    house: House, dsn: str, monkeypatch: pytest.MonkeyPatch, made_up: Callable[[int], bool], before: str
) -> None:
    monkeypatch.setattr(pooling, "is_made_up", made_up)
    house.write("0_first.sql", f"-- migrate:up\n{before}CREATE TABLE first (id int);\n")
    house.write("1_sleep.sql", "-- migrate:up\nCREATE TABLE asleep (id int);\nSELECT pg_sleep(600);\n")
    job_id = house.submit().job.id
    with working(house, job_id):
        eventually(lambda: is_asleep(dsn))
        house.run_async(house.services.migrations.cancel(job_id, Origin()))

    job = house.job(job_id)
    assert (job.state, job.reason) == (JobState.CANCELLED, "by_user")
    assert [step.state.value for step in job.steps] == ["applied", "cancelled"]
    assert value(dsn, "SELECT to_regclass('asleep') IS NULL") is True


def test_whom_a_step_waits_for_is_named_through_the_pooler(house: House, dsn: str) -> None:
    house.write("1_note.sql", "-- migrate:up\nALTER TABLE effects ADD COLUMN note text;\n")
    job_id = house.submit().job.id
    with held(dsn, "SELECT * FROM effects", "billing") as holder, working(house, job_id):
        eventually(lambda: f"pid {holder} (billing)" in house.job(job_id).message)
        execute(dsn, "SELECT pg_terminate_backend($1)", holder)

    assert house.job(job_id).state is JobState.SUCCEEDED


def test_the_list_of_migrations_is_read_through_the_pooler(house: House) -> None:
    write_sql(house.folder, NAMES)
    house.do(to="m2")

    for _ in range(SESSIONS):
        answer = house.http("GET", "/migrations")
        assert answer.status_code == 200
        assert [(one["name"], one["status"]) for one in answer.get_json()] == [
            ("m1", "completed"), ("m2", "completed"), ("m4", "pending"),
        ]  # fmt: skip


def _pooled(house: House) -> str:
    return house.services.settings.environments["development"].dsn.secret


def _through(house: House, sql: str) -> list[tuple[object, ...]]:
    async def ask() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(_pooled(house), statement_cache_size=0)
        try:
            return list(await connection.fetch(sql))
        finally:
            await connection.close()

    return [tuple(row) for row in asyncio.run(ask())]


def _expect_once(dsn: str) -> None:
    """Of the migrations that leave a trace: each went its way once, in the transaction that noted it."""
    did = "SELECT name, direction, xid::text FROM effects ORDER BY id"
    noted = "SELECT name, direction, xid::text FROM liftlock.steps WHERE name LIKE 'm%' ORDER BY at"
    assert fetch(dsn, did) == fetch(dsn, noted) != []


def test_that_no_schema_to_work_in_is_passed_on_is_found_before_anything_is_begun(pooler: PgBouncer, dsn: str) -> None:
    through = Environment("shop.us", Dsn(pooler.reached(dsn)), scope="public")
    with pytest.raises(
        BackendUnusable, match=r"passes on no schema to work in .* name a `directUrl` that goes past it"
    ):
        asyncio.run(PostgresFitness().refuse_unfit(through, JobKind.RUN))
    asyncio.run(PostgresFitness().refuse_unfit(replace(through, direct=Dsn(dsn)), JobKind.RUN))


@pytest.mark.parametrize(("last", "ended"), [("SELECT 1", JobState.SUCCEEDED), ("SELECT 1 / 0", JobState.FAILED)])
def test_what_a_script_locks_for_its_session_is_let_go_of(house: House, dsn: str, last: str, ended: JobState) -> None:
    house.write("1_lock.sql", f"-- migrate:up\nSELECT pg_advisory_lock(42);\n{last};\n")

    assert house.do().state is ended
    assert value(dsn, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 42") == 0
