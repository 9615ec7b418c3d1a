"""Steps without a transaction: whatever dies, each statement has happened once, or somebody is told to look."""

import contextlib
import time
from pathlib import Path

import asyncpg
import pytest

from app.domain.errors import ConflictsOpen, MigrationsInvalid
from app.domain.job import Job, JobId, JobKind, JobState
from app.domain.step import Atomicity
from tests.integration.test_locks_and_cancel import PATIENT, cancel, is_busy
from tests.support.dying import Died, Mortal, make_mortal
from tests.support.eventually import eventually
from tests.support.house import House, open_house, working
from tests.support.servers import Servers, execute, fetch, held, value

pytestmark = pytest.mark.servers

INDEX = """\
-- migrate:up
CREATE UNIQUE INDEX CONCURRENTLY things_by_id ON things (id);
-- migrate:down
DROP INDEX CONCURRENTLY things_by_id;
"""
SEVERAL = """\
-- migrate:up transaction:false
INSERT INTO effects VALUES ('first');
CREATE INDEX CONCURRENTLY things_by_name ON things (name);
SET work_mem = '8MB';
VACUUM things;
REINDEX INDEX CONCURRENTLY things_by_name;
ALTER TABLE parts DETACH PARTITION parts_1 CONCURRENTLY;
INSERT INTO effects VALUES ('last');
-- migrate:down transaction:false
DROP INDEX CONCURRENTLY things_by_name;
INSERT INTO effects VALUES ('down');
ALTER TABLE parts ATTACH PARTITION parts_1 FOR VALUES IN (1);
"""
COMMITTING = """\
-- migrate:up transaction:false
CALL tidy();
-- migrate:down
SELECT 1;
"""
TABLES = """
CREATE TABLE things (id int, name text);
INSERT INTO things SELECT n, 'thing ' || n FROM generate_series(1, 1000) n;
CREATE TABLE effects (what text);
CREATE TABLE parts (id int) PARTITION BY LIST (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE PROCEDURE tidy() LANGUAGE plpgsql AS $$BEGIN
    INSERT INTO effects VALUES ('tidied'); COMMIT; PERFORM pg_sleep(600);
END$$;
"""
MOST_MOMENTS = 300


def indexes(house: House) -> list[tuple[str, bool]]:
    found = fetch(house.dsn, "SELECT indexrelid::regclass::text, indisvalid FROM pg_index"
                             " WHERE indrelid = 'things'::regclass ORDER BY 1")  # fmt: skip
    return [tuple(row) for row in found]


def effects(house: House) -> list[str]:
    return [row[0] for row in fetch(house.dsn, "SELECT what FROM effects")]


def prepare(house: House, text: str, file: str = "1_alone.sql") -> None:
    execute(house.dsn, TABLES)
    house.write(file, text)


def take_over(house: House, job_id: JobId) -> Job:
    """What the sweeper and the next worker do, without waiting for the lease to lapse."""
    lapse = "UPDATE liftlock_control.jobs SET lease_until = clock_timestamp() - interval '1 s' WHERE state = 'running'"
    execute(house.dsn, lapse)
    house.services.sweeper_portal.run(house.services.sweeper.sweep())
    return house.perform(job_id)


def left_over(house: House) -> int:
    held = "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')"
    return int(str(value(house.dsn, f"SELECT {held} + (SELECT count(*) FROM liftlock.step_statements)")))


def test_an_index_is_built_concurrently_and_recorded(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        prepare(house, INDEX)

        assert house.do().state is JobState.SUCCEEDED
        assert indexes(house) == [("things_by_id", True)]
        assert value(house.dsn, "SELECT transactional FROM liftlock.migrations WHERE name = 'alone'") is False

        assert house.do(JobKind.ROLLBACK).state is JobState.SUCCEEDED
        assert (indexes(house), left_over(house)) == ([], 0)


@pytest.mark.parametrize(("kind", "stride"), [(JobKind.RUN, 17), (JobKind.ROLLBACK, 15)])
def test_a_worker_may_die_at_any_moment_of_a_step_without_a_transaction(
    servers: Servers, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: JobKind, stride: int
) -> None:
    with open_house(servers, folder, shortcut=False) as house:
        prepare(house, SEVERAL)
        house.do()
        # all of the 327 moments were walked once; here some of them
        for at in range(1, MOST_MOMENTS, stride):
            if kind is JobKind.RUN:
                house.do(JobKind.ROLLBACK)
            elif at > 1:
                house.do()
            execute(house.dsn, "TRUNCATE effects")
            job_id = house.submit(kind).job.id
            life = Mortal(at)
            with monkeypatch.context() as patch, contextlib.suppress(Died):
                make_mortal(patch, life)
                house.perform(job_id)
            if not life.dead:
                break
            job = take_over(house, job_id)
            assert job.state is JobState.SUCCEEDED, (life.where, job)
            assert effects(house) == (["first", "last"] if kind is JobKind.RUN else ["down"]), life.where
            assert indexes(house) == ([("things_by_name", True)] if kind is JobKind.RUN else []), life.where
            assert left_over(house) == 0, life.where
        assert at > 40


def test_an_index_build_that_is_killed_ends_in_one_valid_index(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, timing=PATIENT) as house:
        prepare(house, INDEX)
        job_id = house.submit().job.id
        with held(house.dsn, "UPDATE things SET id = id WHERE id = 1", "old") as holder, working(house, job_id):
            try:
                eventually(lambda: indexes(house) == [("things_by_id", False)])
                execute(house.dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                   " WHERE application_name LIKE 'liftlock:job%'")  # fmt: skip
                eventually(lambda: is_busy(house, "INDEX CONCURRENTLY"))
            finally:
                execute(house.dsn, "SELECT pg_terminate_backend($1)", holder)
        assert house.job(job_id).state is JobState.SUCCEEDED
        assert (indexes(house), left_over(house)) == ([("things_by_id", True)], 0)
        assert value(house.dsn, "SELECT count(*) FROM liftlock.migration_events WHERE name = 'alone'") == 1


def test_a_build_that_fails_leaves_no_invalid_index_and_may_be_tried_again(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        prepare(house, INDEX)
        execute(house.dsn, "INSERT INTO things VALUES (1, 'twice')")

        job = house.do()

        assert (job.state, job.reason) == (JobState.FAILED, "sql_error")
        assert job.error is not None and (job.error.sqlstate, job.error.line) == ("23505", 2)
        assert (indexes(house), left_over(house)) == ([], 0)
        execute(house.dsn, "DELETE FROM things WHERE name = 'twice'")
        assert house.do().state is JobState.SUCCEEDED


def test_what_was_done_before_the_failed_statement_stays_and_is_not_done_again(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        prepare(house, SEVERAL.replace("VACUUM things", "VACUUM thongs"))

        job = house.do()

        assert job.error is not None and job.error.left_behind.startswith("3 of its 7 statements are done")
        house.write("1_alone.sql", SEVERAL)
        assert house.do().state is JobState.SUCCEEDED
        assert (effects(house), left_over(house)) == (["first", "last"], 0)


def test_what_does_not_pass_its_verify_block_stays_and_is_only_verified_again(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        prepare(house, SEVERAL + "-- migrate:verify\nSELECT count(*) = 3 FROM effects;\n")

        job = house.do()

        assert (job.state, job.reason) == (JobState.FAILED, "verify_failed")
        assert job.error is not None and job.error.left_behind.startswith("all its statements are done")
        execute(house.dsn, "INSERT INTO effects VALUES ('by hand')")
        assert house.do().state is JobState.SUCCEEDED
        assert effects(house) == ["first", "last", "by hand"]


def test_a_cancelled_build_ends_at_once_and_says_what_it_could_not_take_away(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, timing=PATIENT) as house:
        prepare(house, INDEX)
        job_id = house.submit().job.id
        with held(house.dsn, "UPDATE things SET id = id WHERE id = 1", "old"):
            with working(house, job_id):
                eventually(lambda: indexes(house) == [("things_by_id", False)])
                cancel(house, job_id)
            job = house.job(job_id)
            assert job.state is JobState.CANCELLED
            assert "CREATE INDEX CONCURRENTLY began" in job.message and "the next run takes it away" in job.message
        assert house.do().state is JobState.SUCCEEDED
        assert (indexes(house), left_over(house)) == ([("things_by_id", True)], 0)


def test_only_an_index_of_its_own_name_is_taken_for_the_one_it_builds(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, timing=PATIENT) as house:
        prepare(house, INDEX)
        job_id = house.submit().job.id
        lock = "LOCK TABLE things IN ACCESS EXCLUSIVE MODE; CREATE INDEX somebody_elses ON things (name)"
        with held(house.dsn, lock, "dba") as holder, working(house, job_id):
            eventually(lambda: is_busy(house, "CREATE UNIQUE INDEX"))
            execute(
                house.dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE UNIQUE%'"
            )
            commit(house, holder)
        assert house.job(job_id).state is JobState.SUCCEEDED
        assert ("things_by_id", True) in indexes(house)


def test_indexes_of_others_are_left_alone(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        prepare(house, INDEX)
        execute(house.dsn, "INSERT INTO things VALUES (1, 'twice')")
        execute(house.dsn, "CREATE TABLE other (id int); INSERT INTO other VALUES (1), (1)")
        for table in ("things", "other"):
            with contextlib.suppress(asyncpg.UniqueViolationError):
                execute(house.dsn, f"CREATE UNIQUE INDEX CONCURRENTLY {table}_ccnew ON {table} (id)")

        assert house.do().state is JobState.FAILED
        house.write("1_alone.sql", "-- migrate:up\nREINDEX TABLE CONCURRENTLY nowhere;\n")
        assert house.do().state is JobState.FAILED

        assert indexes(house) == [("things_ccnew", False)]
        assert value(house.dsn, "SELECT to_regclass('other_ccnew') IS NOT NULL") is True


def test_a_lost_connection_takes_its_settings_with_it_and_they_are_made_again(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, timing=PATIENT) as house:
        tables = "CREATE TABLE {0}.s (id int PRIMARY KEY, done bool); INSERT INTO {0}.s SELECT generate_series(1, 40)"
        execute(house.dsn, "CREATE SCHEMA app")
        for schema in ("app", "public"):
            execute(house.dsn, tables.format(schema))
        house.write("1_path.sql", "-- migrate:up transaction:false\nSET search_path = app;\n"
                    "-- liftlock: batch table=s key=id size=1 pause=20\n"
                    "UPDATE s SET done = true WHERE id BETWEEN $1 AND $2;\n"
                    "CREATE INDEX CONCURRENTLY s_done ON s (done);\n")  # fmt: skip
        job_id = house.submit().job.id
        with working(house, job_id):
            eventually(lambda: value(house.dsn, "SELECT count(*) FROM app.s WHERE done") in range(5, 30))
            execute(house.dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                               " WHERE application_name LIKE 'liftlock:job%'")  # fmt: skip
        assert house.job(job_id).state is JobState.SUCCEEDED
        assert value(house.dsn, "SELECT count(*) FROM app.s WHERE done") == 40
        assert value(house.dsn, "SELECT count(*) FROM public.s WHERE done") == 0
        assert value(house.dsn, "SELECT to_regclass('app.s_done') IS NOT NULL") is True


def test_what_commits_by_itself_is_not_tried_again_for_a_lock(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        prepare(house, COMMITTING.replace("tidy", "grab"))
        execute(house.dsn, "CREATE PROCEDURE grab() LANGUAGE plpgsql AS $$BEGIN INSERT INTO effects VALUES ('grabbed');"
                           " COMMIT; LOCK TABLE things IN ACCESS EXCLUSIVE MODE NOWAIT; END$$")  # fmt: skip
        with held(house.dsn, "SELECT * FROM things", "billing"):
            job = house.do()
        assert (job.state, effects(house)) == (JobState.FAILED, ["grabbed"])
        assert job.error is not None and not job.error.safe_to_retry
        assert "whatever CALL had committed by itself" in job.error.left_behind


def test_a_statement_that_stands_in_the_way_while_it_waits_gives_way(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, timing=PATIENT, lock_tries=1000) as house:
        prepare(house, "-- migrate:up\nVACUUM FULL things;\n")
        job_id = house.submit().job.id
        with held(house.dsn, "SELECT * FROM things", "billing") as holder, working(house, job_id):
            try:
                eventually(lambda: is_busy(house, "VACUUM FULL"))
                began = time.monotonic()
                assert value(house.dsn, "SELECT count(*) FROM things") == 1000
                assert time.monotonic() - began < 2.0
            finally:
                execute(house.dsn, "SELECT pg_terminate_backend($1)", holder)
        assert house.job(job_id).state is JobState.SUCCEEDED


def commit(house: House, holder: int) -> None:
    """End the transaction of the other session as it wanted: its rollback would take its index away."""
    execute(house.dsn, "SELECT pg_terminate_backend($1)", holder)
    execute(house.dsn, "CREATE INDEX IF NOT EXISTS somebody_elses ON things (name)")


def test_a_statement_nobody_can_ask_for_ends_uncertain_and_is_never_sent_again(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, timing=PATIENT) as house:
        prepare(house, COMMITTING)
        job_id = house.submit().job.id
        with working(house, job_id):
            eventually(lambda: is_busy(house, "CALL tidy"))
            execute(house.dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'CALL tidy()'")
        job = house.job(job_id)

        assert (job.state, job.reason) == (JobState.NEEDS_ATTENTION, "uncertain")
        assert job.error is not None and job.error.line == 2
        assert 'POST /migrations/mark {"names": ["alone"], "as": "applied"}' in job.error.next_steps[1]
        (status,) = house.run_async(house.services.sync.migrations("development"))
        assert (status.status.value, status.state.value) == ("failed", "uncertain")
        with pytest.raises(ConflictsOpen, match="look at the database"):
            house.submit()
        assert effects(house) == ["tidied"]


def test_if_not_exists_does_not_pass_for_done_over_an_invalid_index(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        prepare(house, INDEX.replace("CONCURRENTLY things_by_id ON", "CONCURRENTLY IF NOT EXISTS Things_By_Id ON"))
        execute(house.dsn, "INSERT INTO things VALUES (1, 'twice')")
        with contextlib.suppress(asyncpg.UniqueViolationError):
            execute(house.dsn, "CREATE UNIQUE INDEX CONCURRENTLY things_by_id ON things (id)")
        assert indexes(house) == [("things_by_id", False)]

        job = house.do()

        assert job.state is JobState.FAILED
        assert job.error is not None and "DROP INDEX CONCURRENTLY public.things_by_id" in job.error.message


def test_a_run_that_must_be_one_transaction_is_refused_by_the_name_of_the_step(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        prepare(house, INDEX)
        with pytest.raises(MigrationsInvalid, match="alone runs outside a transaction"):
            house.submit(atomic=Atomicity.RUN)


def test_two_never_work_at_the_same_script_without_a_transaction(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, timing=PATIENT) as house:
        prepare(house, INDEX)
        job_id = house.submit().job.id
        lock = "SELECT pg_advisory_lock(1279870548, hashtext(''))"
        with held(house.dsn, lock, f"liftlock:job={job_id}:attempt=0") as older, working(house, job_id):
            asking = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_try_advisory_lock%' AND pid <> $1"
            eventually(lambda: fetch(house.dsn, asking, older))
            assert indexes(house) == [], "an older attempt is still at it"
            eventually(lambda: not fetch(house.dsn, "SELECT 1 FROM pg_stat_activity WHERE pid = $1", older))
        assert house.job(job_id).state is JobState.SUCCEEDED, "an older attempt that would not end was ended"
        assert indexes(house) == [("things_by_id", True)]


def test_behind_a_pooler_it_is_refused_with_the_setting(
    servers: Servers, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_house(servers, folder) as house:
        prepare(house, INDEX)
        # a pooler answers with a process number of its own making
        monkeypatch.setattr(asyncpg.Connection, "get_server_pid", lambda _: 1)

        job = house.do()

        assert job.state is JobState.FAILED and job.error is not None
        assert "directUrl" in job.error.next_steps[0] and indexes(house) == []
