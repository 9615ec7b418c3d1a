"""Proofs that are interrupted, refused or short of something: it is said, and nothing is left over for long."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import pytest

from app.adapters.scratch.dump import PgDump
from app.adapters.scratch.servers import drop_database
from app.domain.environment import Dsn, Environment
from app.domain.job import Job, JobId, JobKind, JobState, Origin
from app.settings import Timing
from tests.integration.test_proofs import ORDERS, USERS, judged, proven, scratches, shown
from tests.support.eventually import eventually
from tests.support.house import QUICK, House, installed_database, open_house, working
from tests.support.servers import Servers, execute, fetch, value
from tests.support.worker import celery_worker

pytestmark = pytest.mark.servers

SLEEPING = "-- migrate:up\nSELECT pg_sleep(600);\n-- migrate:down\nSELECT 1;\n"
TAGS = "-- migrate:up\nCREATE TABLE tags (id int);\n-- migrate:down\nDROP TABLE tags;\n"


def opened(servers: Servers, folder: Path, dsn: str, timing: Timing = QUICK, **given: Any) -> Any:
    environment = Environment("development", Dsn(dsn), **given)
    return open_house(servers, folder, dsn, environments={"development": environment}, timing=timing)


def with_dump(house: House, *candidates: Path) -> None:
    """The programs that are there to choose a pg_dump from."""
    prover = house.services.runner._chores._prover
    prover._scratches._dump = PgDump(candidates)  # type: ignore[attr-defined]


def another_role(servers: Servers, options: str) -> str:
    """The address of a new database that belongs to a new role without any other right."""
    dsn = servers.new_database()
    parts = urlsplit(dsn)
    role = f"r{parts.path.strip('/')}"
    database = parts.path.strip("/")
    execute(dsn, f"CREATE ROLE {role} LOGIN PASSWORD 'secret:1' {options}; ALTER DATABASE {database} OWNER TO {role}")
    execute(dsn, f"ALTER SCHEMA public OWNER TO {role}")
    netloc = f"{role}:secret%3A1@{parts.netloc.rpartition('@')[2]}"
    return urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))


def asked(house: House) -> JobId:
    return JobId(UUID(house.http("POST", "/migrations/verify").get_json()["id"]))


def sleeps(house: House) -> bool:
    where = "query LIKE '%pg_sleep(600)%' AND state = 'active' AND datname LIKE 'liftlock_scratch_%'"
    return bool(fetch(house.dsn, f"SELECT 1 FROM pg_stat_activity WHERE {where}"))


def test_a_role_that_may_not_create_databases_is_told_what_to_grant(servers: Servers, folder: Path) -> None:
    dsn = another_role(servers, "")
    with opened(servers, folder, dsn) as house:
        house.write("1_users.sql", USERS)

        job = proven(house)

        assert (job.state, job.reason) == (JobState.FAILED, "scratch_refused")
        assert "CREATEDB" in job.message and "scratchUrl" in job.message and "secret" not in job.message
        assert job.error is not None and job.error.left_behind.startswith("nothing in the target")


def test_a_role_without_other_rights_than_to_create_databases_is_enough(servers: Servers, folder: Path) -> None:
    dsn = another_role(servers, "CREATEDB")
    with opened(servers, folder, dsn) as house:
        house.write("1_users.sql", USERS)
        assert house.do().state is JobState.SUCCEEDED
        house.write("2_orders.sql", ORDERS)

        job = proven(house)

        assert job.reason == "proven", job
        assert "a dump of its schema" in job.notices[0]


def test_another_server_takes_what_may_not_be_tried_beside_the_target(servers: Servers, folder: Path) -> None:
    """Here it is the same one under another address: what counts is that somebody has named it."""
    dsn = installed_database(servers)
    role = f"proof_role_{os.getpid()}"
    with opened(servers, folder, dsn, scratch=Dsn(servers.postgres.dsn())) as house:
        house.write("1_role.sql", f"-- migrate:up\nCREATE ROLE {role};\n-- migrate:down\nDROP ROLE {role};\n")
        try:
            proven(house)
            assert judged(house, "role")[0] == "proven"
        finally:
            execute(dsn, f"DROP ROLE IF EXISTS {role}")


def test_without_a_dump_the_recorded_migrations_are_run_again(servers: Servers, folder: Path) -> None:
    with opened(servers, folder, installed_database(servers)) as house:
        house.write("1_users.sql", USERS + "SELECT 1;\n")
        house.do()
        execute(house.dsn, "CREATE INDEX by_hand ON users (state)")
        house.write("2_orders.sql", ORDERS)
        with_dump(house)

        job = proven(house)

        assert job.reason == "proven"
        assert "the migrations that its ledger has recorded" in job.notices[0]
        assert any("no pg_dump of version" in one for one in job.notices)
        (differs,) = (one for one in job.notices if one.startswith("copy_differs"))
        assert "1 object: index public.by_hand is missing" in differs
        assert list(job.notices) == shown(house, "orders")["proof"]["notices"]


def test_without_a_dump_and_without_recorded_sql_the_schema_is_made_from_what_was_read(
    servers: Servers, folder: Path
) -> None:
    with opened(servers, folder, installed_database(servers)) as house:
        execute(house.dsn, "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE old (id int PRIMARY KEY, m mood NOT NULL)")
        up, down = "ALTER TABLE old ADD x int;", "ALTER TABLE old DROP x;"
        house.write("1_more.sql", f"-- migrate:up\n{up}\n-- migrate:down\n{down}\n")
        with_dump(house)

        job = proven(house)

        assert job.reason == "proven", job
        assert "SQL made from what was read" in job.notices[0]
        assert not [one for one in job.notices if one.startswith("copy_differs")]


def test_what_cannot_be_carried_over_is_named_and_the_rest_is_tried(servers: Servers, folder: Path) -> None:
    program = folder.parent / "pg_dump"
    (folder.parent / "dump.sql").write_text(
        "\\restrict x\nSET transaction_nonsense = 0;\nCREATE EXTENSION nowhere;\nCREATE TABLE users (id int);\n"
    )
    version = 'echo "pg_dump (PostgreSQL) 99.1"'
    said = f'echo "$@" >> {folder.parent}/said'
    program.write_text(f'#!/bin/sh\n{said}\n[ "$1" = --version ] && {version} || cat {folder.parent}/dump.sql\n')
    program.chmod(0o755)
    with opened(servers, folder, installed_database(servers)) as house:
        house.write("1_tags.sql", TAGS)
        with_dump(house, program)

        job = proven(house)

        assert job.reason == "proven"
        (left,) = (one for one in job.notices if one.startswith("not carried over"))
        assert "CREATE EXTENSION nowhere" in left and "not available" in left
        assert any("copy_differs" in one and "table public.users was not expected" in one for one in job.notices)
        given, password = (folder.parent / "said").read_text(), urlsplit(house.dsn).password
        assert "--schema-only" in given and "passfile=" in given
        assert password and password not in given, "everybody on the machine reads a command line"


def test_the_database_is_made_like_the_target_and_closed_to_other_servers(servers: Servers, folder: Path) -> None:
    with opened(servers, folder, installed_database(servers)) as house:
        database = house.services.settings.database.database
        execute(house.dsn, "CREATE SCHEMA shop; CREATE FOREIGN DATA WRAPPER nobody; CREATE SERVER far FOREIGN DATA"
                " WRAPPER nobody; CREATE USER MAPPING FOR CURRENT_USER SERVER far")  # fmt: skip
        execute(house.dsn, f"ALTER DATABASE {database} SET search_path TO shop, public")
        closed = "DO $$ BEGIN IF EXISTS (SELECT FROM pg_user_mappings) THEN RAISE 'open'; END IF; END $$;"
        house.write("1_tags.sql", TAGS.replace("up\n", f"up\n{closed}\n"))
        house.write("2_more.sql", "-- migrate:up\nALTER TABLE shop.tags ADD x int;\n"
                    "-- migrate:down\nALTER TABLE shop.tags DROP x;\n")  # fmt: skip

        job = proven(house)

        assert job.reason == "proven", job
        assert any("user mappings were left out" in one for one in job.notices)


def test_a_setting_that_only_superusers_give_is_named_and_the_rest_is_tried(servers: Servers, folder: Path) -> None:
    dsn = another_role(servers, "CREATEDB")
    execute(servers.postgres.dsn(), f"ALTER DATABASE {Dsn(dsn).database} SET session_replication_role TO 'origin'")
    with opened(servers, folder, dsn) as house:
        house.write("1_tags.sql", TAGS)

        job = proven(house)

        assert job.reason == "proven", job
        assert any("the setting session_replication_role=origin" in one for one in job.notices)


def test_a_table_that_takes_no_row_is_named(servers: Servers, folder: Path) -> None:
    with opened(servers, folder, installed_database(servers)) as house:
        execute(house.dsn, "CREATE TABLE odd (n int NOT NULL CHECK (n > 1000))")
        house.write("1_tags.sql", TAGS)

        proven(house)

        (said,) = (one for one in shown(house, "tags")["proof"]["notices"] if "public.odd" in one)
        assert said.startswith("public.odd has no rows to compare: new row") and "violates check constraint" in said


def test_the_limits_of_statements_are_those_of_a_run(servers: Servers, folder: Path) -> None:
    timing = Timing(lease_ttl_ms=1_500, beat_every_ms=500, statement_timeout_ms=300)
    with opened(servers, folder, installed_database(servers), timing) as house:
        house.write("1_sleeping.sql", SLEEPING)

        proven(house)

        assert judged(house, "sleeping")[0] == "up_fails"
        assert shown(house, "sleeping")["proof"]["failure"]["code"] == "statement_timeout"


def test_a_proof_that_takes_too_long_is_cut_off(servers: Servers, folder: Path) -> None:
    timing = Timing(lease_ttl_ms=1_500, beat_every_ms=500, verify_timeout_ms=2_500)
    with opened(servers, folder, installed_database(servers), timing) as house:
        house.write("1_tags.sql", TAGS)
        house.write("2_sleeping.sql", SLEEPING)
        house.write("3_more.sql", TAGS.replace("tags", "more"))

        job = proven(house)

        assert (job.state, job.reason) == (JobState.FAILED, "timed_out")
        assert "LIFTLOCK_VERIFY_TIMEOUT_MS" in str(job.error)
        assert [step.state.value for step in job.steps] == ["applied", "skipped", "skipped"]
        assert shown(house, "tags")["undo"] == "proven"


def test_a_proof_is_cancelled_in_the_middle_of_a_statement(servers: Servers, folder: Path) -> None:
    with opened(servers, folder, installed_database(servers)) as house:
        house.write("1_tags.sql", TAGS)
        house.write("2_sleeping.sql", SLEEPING)
        job_id = asked(house)

        with working(house, job_id):
            eventually(lambda: sleeps(house))
            house.run_async(house.services.migrations.cancel(job_id, Origin()))

        job = house.job(job_id)
        assert (job.state, job.reason) == (JobState.CANCELLED, "by_user")
        assert "1 of 2 migrations proven in development before; the target was only read" in job.message
        assert scratches(house) == []
        assert shown(house, "tags")["undo"] == "proven" and shown(house, "sleeping")["reversibility"] is None


def test_a_run_does_not_wait_for_a_proof(servers: Servers, folder: Path) -> None:
    with opened(servers, folder, installed_database(servers)) as house:
        house.write("1_sleeping.sql", SLEEPING)
        job_id = asked(house)
        with working(house, job_id):
            eventually(lambda: sleeps(house))
            house.write("1_sleeping.sql", TAGS)
            assert house.do().state is JobState.SUCCEEDED
            house.run_async(house.services.migrations.cancel(job_id, Origin()))


def test_a_database_that_is_lost_in_the_middle_ends_the_proof(servers: Servers, folder: Path) -> None:
    with opened(servers, folder, installed_database(servers)) as house:
        house.write("1_sleeping.sql", SLEEPING)
        job_id = asked(house)

        with working(house, job_id):
            eventually(lambda: sleeps(house))
            execute(house.dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname LIKE 'liftlock_scratch_%'")  # fmt: skip

        job = house.job(job_id)
        assert (job.state, job.reason) == (JobState.FAILED, "connection_lost"), job
        assert "POST /migrations/verify" in str(job.error)
        assert scratches(house) == []


def test_what_a_killed_worker_has_left_goes_with_the_purge(servers: Servers, folder: Path) -> None:
    with opened(servers, folder, installed_database(servers)) as house:
        house.write("1_sleeping.sql", SLEEPING)
        with celery_worker(house, folder.parent / "worker.log") as worker:
            job_id = asked(house)
            eventually(lambda: sleeps(house), within_s=40)
            os.killpg(worker.pid, signal.SIGKILL)
        (left,) = scratches(house)

        purged(house)
        assert scratches(house) == [left], "its job has not ended"
        execute(house.dsn, "UPDATE liftlock_control.jobs SET state = 'failed' WHERE id = $1", job_id)
        eventually(lambda: "1 scratch database dropped" in purged(house).message)

        assert scratches(house) == []


def test_whoever_takes_over_a_proof_drops_what_was_left_of_it(
    servers: Servers, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(servers, folder, installed_database(servers)) as house:
        house.write("1_tags.sql", TAGS)
        job_id = asked(house)
        died = died_in(house, job_id, monkeypatch)
        assert len(scratches(house)) == 1 and died.state is JobState.RUNNING

        execute(house.dsn, "UPDATE liftlock_control.jobs SET lease_until = clock_timestamp() - interval '1 s'")
        house.run_async(house.services.sweeper.sweep())
        job = house.perform(job_id)

        assert (job.reason, job.attempt) == ("proven", 2)
        assert scratches(house) == []


def test_what_is_not_ours_by_name_and_by_comment_is_never_dropped(servers: Servers, folder: Path) -> None:
    dsn, away = installed_database(servers), Environment("away", Dsn("postgresql://nobody@127.0.0.1:1/nothing"))
    environments = {"away": away, "development": Environment("development", Dsn(dsn))}
    with open_house(servers, folder, dsn, environments=environments) as house:
        job = UUID(int=7)
        comment = f"Liftlock: scratch database of job {job}, made at 2020-01-01T00:00:00+00:00"
        names = [f"liftlock_scratch_{job.hex[-12:]}_1", f"liftlock_scratch_{job.hex[-12:]}_2", "liftlock_scratch_mine"]
        try:
            for name in names:
                execute(house.dsn, f"CREATE DATABASE {name}")
            for name in names[1:]:
                execute(house.dsn, f"COMMENT ON DATABASE {name} IS '{comment}'")

            assert "1 scratch database dropped" in purged(house).message

            assert scratches(house) == [names[0], names[2]]
        finally:
            for name in names:
                execute(house.dsn, f"DROP DATABASE IF EXISTS {name}")


def test_a_run_is_refused_until_all_of_it_is_proven(servers: Servers, folder: Path) -> None:
    with opened(servers, folder, installed_database(servers), require_proof=True) as house:
        file = house.write("1_users.sql", USERS)
        house.write("2_orders.sql", ORDERS)

        refused = house.http("POST", "/migrations/run")
        assert (refused.status_code, refused.get_json()["type"]) == (409, "/problems/proof-missing")
        assert [one["migration"] for one in refused.get_json()["problems"]] == ["users", "orders"]
        assert "/migrations/verify?environment=development" in refused.get_json()["nextSteps"][0]
        proven(house, names=["users"])
        assert house.http("POST", "/migrations/run").status_code == 409
        assert house.do(to="users").state is JobState.SUCCEEDED
        proven(house)
        assert house.do().state is JobState.SUCCEEDED

        assert house.do(JobKind.RESET).state is JobState.SUCCEEDED
        file.write_text(USERS + "SELECT 2;\n")
        changed = house.http("POST", "/migrations/run").get_json()
        assert [one["migration"] for one in changed["problems"]] == ["users"]
        proven(house)
        assert house.do().state is JobState.SUCCEEDED


def test_a_file_that_changes_while_its_run_waits_is_refused_under_the_fence(servers: Servers, folder: Path) -> None:
    with opened(servers, folder, installed_database(servers), require_proof=True) as house:
        file = house.write("1_users.sql", USERS)
        proven(house)
        submitted = house.submit()
        file.write_text(USERS + "SELECT 3;\n")

        job = house.perform(submitted.job.id)

        assert (job.state, job.reason) == (JobState.FAILED, "proof_missing")
        assert value(house.dsn, "SELECT to_regclass('users')") is None


def test_proving_again_what_could_not_be_checked_keeps_what_was_known(servers: Servers, folder: Path) -> None:
    with opened(servers, folder, installed_database(servers)) as house:
        house.write("2_tags.sql", TAGS)
        proven(house)
        house.write("1_fails.sql", "-- migrate:up\nSELECT 1/0;\n-- migrate:down\nSELECT 1;\n")

        job = proven(house)

        assert [step.notice for step in job.steps if step.name == "tags"] == [
            "not_checked: fails before it did not leave what it builds on"
        ]
        assert judged(house, "tags")[0] == "proven"


def purged(house: House) -> Job:
    return house.perform(JobId(UUID(house.http("POST", "/schedules/purge/run").get_json()["id"])))


class Died(BaseException):
    """No `except Exception` catches it, as none catches kill -9."""


def died_in(house: House, job_id: JobId, monkeypatch: pytest.MonkeyPatch) -> Job:
    """The worker is gone after the first up: not even its clean-up code is run."""
    from app.adapters.scratch.database import PostgresScratch
    from app.services.proving_course import Course

    async def dies(*_: object) -> None:
        raise Died

    async def nothing(*_: object) -> None:
        pass

    with monkeypatch.context() as context:
        context.setattr(Course, "judge", dies)
        context.setattr(PostgresScratch, "drop", nothing)
        with pytest.raises(Died):
            house.perform(job_id)
    return house.job(job_id)


def test_an_autovacuum_worker_that_a_plain_role_may_not_end_is_left_to_the_server() -> None:
    sent: list[str] = []

    class Refusing:
        async def execute(self, query: str) -> str:
            sent.append(query)
            if "FORCE" in query:
                raise asyncpg.InsufficientPrivilegeError("permission denied to terminate process")
            return "DROP DATABASE"

    asyncio.run(drop_database(Refusing(), 'liftlock_scratch_"x'))  # type: ignore[arg-type]

    assert sent == [
        'DROP DATABASE IF EXISTS "liftlock_scratch_""x" WITH (FORCE)',
        'DROP DATABASE IF EXISTS "liftlock_scratch_""x"',
    ]
