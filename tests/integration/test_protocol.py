"""The protocol's promises under competition and faults, each with the fault made on purpose."""

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.adapters.target import pooling
from app.adapters.target.connection import connect
from app.domain.job import Job, JobId, JobState
from app.domain.step import Atomicity
from app.wiring import CONTROL_MIGRATIONS
from tests.support.eventually import eventually
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, value

CONTROL = sorted(CONTROL_MIGRATIONS.glob("*.sql"))

pytestmark = pytest.mark.servers

BLOCKED = """\
-- migrate:up
INSERT INTO effects VALUES ('blocked');
SELECT pg_advisory_lock(42);
-- migrate:down
SELECT 1;
"""
PLAIN = "-- migrate:up\nINSERT INTO effects VALUES ('{name}');\n-- migrate:down\nSELECT 1;\n"


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder) as opened:
        execute(opened.dsn, "CREATE TABLE effects (name text)")
        yield opened


@contextmanager
def session_holding(dsn: str, sql: str) -> Iterator[Any]:
    """Another client that has run `sql` in an open transaction; yields a function that ends it."""
    import asyncio
    import threading

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)

    connection = run(asyncpg.connect(dsn))
    run(connection.execute("BEGIN"))
    run(connection.execute(sql))
    try:
        yield lambda: run(connection.execute("ROLLBACK"))
    finally:
        run(connection.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def effects(house: House) -> list[str]:
    return [row[0] for row in fetch(house.dsn, "SELECT name FROM effects")]


def conflicts(house: House, kind: str) -> list[asyncpg.Record]:
    return fetch(house.dsn, "SELECT * FROM liftlock_control.conflicts WHERE kind = $1", kind)


def perform_beside(house: House, job_id: JobId) -> "Future[Job]":
    pool = ThreadPoolExecutor(1)
    future = pool.submit(house.perform, job_id)
    pool.shutdown(wait=False)
    return future


def waits_for_advisory_lock(house: House) -> bool:
    sql = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted"
    return value(house.dsn, sql) == 1


def test_an_older_attempt_that_comes_back_is_fenced_and_writes_nothing(house: House) -> None:
    house.write("1_blocked.sql", BLOCKED)
    job_id = house.submit().job.id
    with session_holding(house.dsn, "SELECT pg_advisory_xact_lock(42)") as release:
        older = perform_beside(house, job_id)
        eventually(lambda: waits_for_advisory_lock(house))
        execute(house.dsn, "UPDATE liftlock_control.jobs SET state = 'queued', reason = 'rescued'")
        newer = perform_beside(house, job_id)
        eventually(lambda: fetch(house.dsn, "SELECT 1 FROM liftlock.fence WHERE scope = '' AND attempt = 2"))
        release()
        job = newer.result(20)
    older.result(20)

    assert job.state is JobState.SUCCEEDED and job.attempt == 2
    assert effects(house) == ["blocked"]
    (fenced,) = conflicts(house, "fenced")
    assert (fenced["state"], fenced["job_id"], fenced["other_job_id"]) == ("resolved", job_id, job_id)


def test_a_lost_reply_to_commit_is_looked_up_and_nothing_runs_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.write("1_a.sql", PLAIN.format(name="a"))
    house.write("2_b.sql", PLAIN.format(name="b"))
    lost: list[str] = []

    class Forgetful:
        """Commits the first step, then breaks off before the answer arrives."""

        def __init__(self, connection: asyncpg.Connection) -> None:
            self._connection = connection
            self._in_step = False

        def __getattr__(self, name: str) -> Any:
            return getattr(self._connection, name)

        async def prepare(self, query: str, **options: Any) -> Any:
            self._in_step = self._in_step or "liftlock.steps" in query
            return await self._connection.prepare(query, **options)

        async def execute(self, query: str, *args: Any) -> str:
            answer = await self._connection.execute(query, *args)
            if query == "COMMIT" and self._in_step and not lost:
                lost.append(query)
                self._connection.terminate()
                raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
            return str(answer)

    async def forgetful_connect(*args: Any) -> Any:
        return Forgetful(await connect(*args))

    monkeypatch.setattr(pooling, "connect", forgetful_connect)
    job = house.do()

    assert lost == ["COMMIT"]
    assert job.state is JobState.SUCCEEDED
    assert effects(house) == ["a", "b"]


def test_a_terminated_backend_costs_a_reconnect_not_the_job(house: House) -> None:
    house.write("1_blocked.sql", BLOCKED)
    job_id = house.submit().job.id
    with session_holding(house.dsn, "SELECT pg_advisory_xact_lock(42)") as release:
        running = perform_beside(house, job_id)
        eventually(lambda: waits_for_advisory_lock(house))
        execute(
            house.dsn,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'liftlock:job=%'",
        )
        eventually(lambda: not waits_for_advisory_lock(house))
        release()
        job = running.result(20)

    assert job.state is JobState.SUCCEEDED and job.attempt == 1
    assert effects(house) == ["blocked"]


def test_a_lock_that_is_free_again_in_time_is_waited_for_with_retries(house: House) -> None:
    house.write("1_alter.sql", "-- migrate:up\nALTER TABLE effects ADD COLUMN note text;\n")
    job_id = house.submit().job.id
    with session_holding(house.dsn, "SELECT * FROM effects") as release:
        running = perform_beside(house, job_id)
        # which try it is when somebody looks is a matter of milliseconds
        said = eventually(lambda: [m for m in [house.job(job_id).message] if re.search(r"try \d+ of", m)])
        release()
        job = running.result(20)

    assert said[0].startswith("gave way after")
    assert job.state is JobState.SUCCEEDED


def test_a_lock_that_stays_taken_fails_the_step_after_the_last_try(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, lock_tries=2) as house:
        execute(house.dsn, "CREATE TABLE effects (name text)")
        house.write("1_alter.sql", "-- migrate:up\nALTER TABLE effects ADD COLUMN note text;\n")
        with session_holding(house.dsn, "SELECT * FROM effects"):
            job = house.do()

        assert (job.state, job.reason) == (JobState.FAILED, "lock_timeout")
        assert job.error is not None and job.error.line == 2 and "given up after 2 tries" in job.error.message
        assert house.statuses() == {"alter": "failed"}


@pytest.mark.parametrize("setting", ["SET lock_timeout = 0", "SET LOCAL lock_timeout = '1h'", "RESET lock_timeout"])
def test_a_script_cannot_switch_the_lock_timeout_off(servers: Servers, folder: Path, setting: str) -> None:
    with open_house(servers, folder, lock_tries=1) as house:
        execute(house.dsn, "CREATE TABLE effects (name text)")
        house.write("1_alter.sql", f"-- migrate:up\n{setting};\nALTER TABLE effects ADD COLUMN note text;\n")
        with session_holding(house.dsn, "SELECT * FROM effects"):
            job = house.do()

    assert (job.state, job.reason) == (JobState.FAILED, "lock_timeout")


def test_a_script_may_lower_its_statement_timeout(house: House) -> None:
    house.write("1_slow.sql", "-- migrate:up\nSET LOCAL statement_timeout = '50ms';\nSELECT pg_sleep(30);\n")

    job = house.do()

    assert (job.state, job.reason) == (JobState.FAILED, "statement_timeout")
    assert job.error is not None and job.error.line == 3


def test_settings_roles_and_temporary_tables_do_not_outlive_their_step(house: House) -> None:
    house.write(
        "1_messy.sql",
        "-- migrate:up\nCREATE ROLE messy_role;\nGRANT messy_role TO CURRENT_USER;\nSET ROLE messy_role;\n"
        "SET search_path = pg_catalog;\nSET timezone = 'Asia/Tokyo';\nCREATE TEMP TABLE scratch (id int);\n"
        "-- migrate:down\nDROP ROLE messy_role;\n",
    )
    house.write(
        "2_clean.sql",
        "-- migrate:up\nCREATE TABLE kept AS SELECT current_setting('timezone') AS tz, current_user::text AS who,\n"
        "  to_regclass('pg_temp.scratch') IS NULL AS no_scratch, current_setting('search_path') AS path;\n",
    )

    job = house.do()
    execute(house.dsn, "DROP ROLE messy_role")

    assert job.state is JobState.SUCCEEDED, job.error
    (row,) = fetch(house.dsn, "SELECT * FROM kept")
    assert (row["tz"], row["who"], row["no_scratch"]) == ("UTC", "postgres", True)
    assert "public" in row["path"]


def test_locks_and_cursors_do_not_outlive_their_step_in_one_transaction_either(house: House) -> None:
    cursor = "DECLARE theirs CURSOR FOR SELECT 1; LISTEN theirs"
    house.write("1_messy.sql", f"-- migrate:up\nSELECT pg_advisory_lock(42); {cursor};\n")
    mine = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND pid = pg_backend_pid()"
    left = f"({mine}) IS NULL AND NOT EXISTS (SELECT FROM pg_cursors WHERE name = 'theirs')"
    house.write("2_clean.sql", f"-- migrate:up\nCREATE TABLE kept AS SELECT {left} AS clean;\n")

    assert house.do(atomic=Atomicity.RUN).state is JobState.SUCCEEDED
    assert value(house.dsn, "SELECT clean FROM kept") is True


def test_the_second_job_waits_its_turn_and_the_log_says_for_whom_and_how_long(house: House) -> None:
    house.write("1_a.sql", PLAIN.format(name="a"))
    first = house.submit().job.id
    second = house.submit().job.id

    assert house.perform(second).state is JobState.QUEUED
    (waiting,) = conflicts(house, "lock_contention")
    assert (waiting["state"], waiting["job_id"], waiting["other_job_id"]) == ("open", second, first)
    house.perform(first)
    assert house.perform(second).reason == "nothing_to_do"
    (settled,) = conflicts(house, "lock_contention")
    assert settled["state"] == "resolved" and settled["waited_ms"] >= 0


def test_the_one_that_ends_rings_for_the_one_that_waits(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write("1_a.sql", PLAIN.format(name="a"))
    first, second = house.submit().job.id, house.submit().job.id
    house.perform(second)
    rung: list[JobId] = []

    async def ring(job_id: JobId) -> bool:
        rung.append(job_id)
        return True

    monkeypatch.setattr(house.services.runner._doorbell, "ring", ring)
    house.perform(first)

    assert rung == [second]


def test_five_installers_at_once_install_once(servers: Servers, folder: Path) -> None:
    dsn = servers.new_database()

    def install(_: int) -> int:
        with open_house(servers, folder, dsn) as opened:
            return len(fetch(opened.dsn, "SELECT 1 FROM liftlock.migrations WHERE scope = 'liftlock_control'"))

    with ThreadPoolExecutor(5) as pool:
        counts = list(pool.map(install, range(5)))

    assert counts == [len(CONTROL)] * 5
    assert value(dsn, "SELECT count(*) FROM liftlock.migration_events WHERE event = 'run'") == len(CONTROL)


def test_five_processes_that_start_at_once_submit_one_first_run(servers: Servers, folder: Path) -> None:
    dsn = servers.new_database()
    (folder / "1_a.sql").write_text("-- migrate:up\nCREATE TABLE a (id int);\n")

    def start(_: int) -> None:
        with open_house(servers, folder, dsn) as opened:
            environment = opened.services.environments.named("development")
            opened.run_async(opened.services.auto_run.submit(environment))

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(start, range(5)))

    assert value(dsn, "SELECT count(*) FROM liftlock_control.jobs") == 1


def test_a_job_is_accepted_and_carried_out_while_redis_is_away(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, redis_url="redis://127.0.0.1:1/0") as house:
        house.write("1_a.sql", "-- migrate:up\nCREATE TABLE a (id int);\n")

        submitted = house.submit()

        assert any("Redis" in warning for warning in submitted.warnings)
        job = house.perform(submitted.job.id)
        assert job.state is JobState.SUCCEEDED
        assert "the fence in the target alone" in job.notices[-1]


def test_a_target_set_up_as_another_environment_is_refused(servers: Servers, folder: Path) -> None:
    from app.domain.environment import Dsn, Environment
    from app.domain.errors import EnvironmentProtected

    dsn = servers.new_database()
    (folder / "1_a.sql").write_text("-- migrate:up\nCREATE TABLE a (id int);\n")
    production = {"production": Environment("production", Dsn(dsn))}
    with open_house(servers, folder, dsn, environments=production) as house:
        assert house.do(environment="production").state is JobState.SUCCEEDED
    with open_house(servers, folder, dsn) as house, pytest.raises(EnvironmentProtected, match="set up as production"):
        house.submit()


def test_a_pooler_that_changes_the_server_connection_is_noticed_and_nothing_runs_twice(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        house.write(f"{ord(name)}_{name}.sql", PLAIN.format(name=name))

    class Pooled:
        """After each transaction another server connection, on which nothing of ours is prepared."""

        def __init__(self, connection: asyncpg.Connection) -> None:
            self._connection = connection

        def __getattr__(self, name: str) -> Any:
            return getattr(self._connection, name)

        async def execute(self, query: str, *args: Any) -> str:
            answer = await self._connection.execute(query, *args)
            if query in ("COMMIT", "ROLLBACK"):
                await self._connection.execute("DEALLOCATE ALL")
            return str(answer)

    async def pooled_connect(*args: Any) -> Any:
        return Pooled(await connect(*args))

    monkeypatch.setattr(pooling, "connect", pooled_connect)
    job = house.do()

    assert job.state is JobState.SUCCEEDED, job.error
    assert effects(house) == ["a", "b", "c"]


@pytest.mark.parametrize("statement", ["DEALLOCATE ALL", "DISCARD PLANS", "RESET ALL", "SET ROLE pg_monitor"])
def test_a_script_that_clears_its_session_does_not_disturb_the_ledger(house: House, statement: str) -> None:
    house.write("1_a.sql", f"-- migrate:up\nINSERT INTO effects VALUES ('a');\n{statement};\n")
    house.write("2_b.sql", PLAIN.format(name="b"))

    job = house.do()

    assert job.state is JobState.SUCCEEDED, job.error
    assert effects(house) == ["a", "b"]


def test_a_python_migration_cannot_switch_the_lock_timeout_off(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, lock_tries=1) as house:
        execute(house.dsn, "CREATE TABLE effects (name text)")
        off = "await connection.execute('SET LOCAL lock_timeout = 0')"
        alter = "await connection.execute('ALTER TABLE effects ADD COLUMN note text')"
        house.write("1_alter.py", f"async def up(connection):\n    {off}\n    {alter}\n")
        with session_holding(house.dsn, "SELECT * FROM effects"):
            job = house.do()

    assert (job.state, job.reason) == (JobState.FAILED, "lock_timeout")


def test_a_job_given_back_is_not_rung_again_before_its_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write("1_a.sql", PLAIN.format(name="a"))
    job_id = house.submit().job.id
    house.perform(house.submit().job.id)
    execute(house.dsn, "INSERT INTO liftlock.fence (scope) VALUES ('') ON CONFLICT DO NOTHING")
    execute(house.dsn, "UPDATE liftlock.fence SET job_id = gen_random_uuid(), attempt = 1 WHERE scope = ''")
    rung: list[JobId] = []

    async def ring(job_id: JobId) -> bool:
        rung.append(job_id)
        return True

    monkeypatch.setattr(house.services.runner._doorbell, "ring", ring)

    assert house.perform(job_id).reason == "for_target"
    assert rung == []
