"""A step that waits says for whom; a job that is cancelled stops, and its target is as it was before the step."""

import threading
import time
from pathlib import Path

import pytest

from app import failpoints
from app.domain.environment import Dsn, Environment
from app.domain.job import Job, JobId, JobState, Origin
from app.failpoints import Action, Failpoint
from app.settings import Timing
from tests.support.eventually import eventually
from tests.support.house import House, open_house, working
from tests.support.servers import Servers, execute, fetch, held, value

pytestmark = pytest.mark.servers

PATIENT = Timing(
    lease_ttl_ms=30_000, beat_every_ms=500, look_every_ms=100, lock_timeout_ms=500, lock_retry_base_ms=20,
    lock_retry_cap_ms=200,
)  # fmt: skip
SLEEPING = """\
-- migrate:up
CREATE TABLE before_the_sleep (id int);
SELECT pg_sleep(600);
-- migrate:down
DROP TABLE before_the_sleep;
"""
STUBBORN = """\
import asyncpg


class Stubborn:
    name = "stubborn"
    version = "1"
    dependencies: list[str] = []

    async def up(self, connection):
        await connection.execute("CREATE TABLE by_python (id int)")
        while True:
            try:
                await connection.execute("SELECT pg_sleep(600)")
            except asyncpg.PostgresError:
                continue

    async def down(self, connection):
        await connection.execute("DROP TABLE by_python")
"""
ALTERING = (
    "-- migrate:up\nALTER TABLE orders ADD COLUMN note text;\n-- migrate:down\nALTER TABLE orders DROP COLUMN note;\n"
)


def cancel(house: House, job_id: JobId) -> Job:
    return house.run_async(house.services.migrations.cancel(job_id, Origin()))


def is_busy(house: House, text: str) -> bool:
    ours = "state = 'active' AND application_name LIKE 'liftlock:job%'"
    return bool(fetch(house.dsn, f"SELECT 1 FROM pg_stat_activity WHERE query LIKE $1 AND {ours}", f"%{text}%"))


@pytest.mark.parametrize(("file", "text"), [("1_sleep.sql", SLEEPING), ("1_stubborn.py", STUBBORN)])
def test_a_running_statement_stops_within_a_second_and_leaves_nothing(
    servers: Servers, folder: Path, file: str, text: str
) -> None:
    with open_house(servers, folder, timing=PATIENT) as house:
        house.write(file, text)
        job_id = house.submit().job.id
        with working(house, job_id):
            eventually(lambda: is_busy(house, "pg_sleep"))
            asked = time.monotonic()
            assert cancel(house, job_id).cancelling
            job = eventually(lambda: _if_ended(house, job_id))
            took_s = time.monotonic() - asked

        assert (job.state, job.reason) == (JobState.CANCELLED, "by_user")
        assert took_s < 1.0
        assert [step.state.value for step in job.steps] == ["cancelled"]
        assert value(house.dsn, "SELECT count(*) FROM pg_class WHERE relname IN ('before_the_sleep', 'by_python')") == 0
        assert value(house.dsn, "SELECT count(*) FROM liftlock.migrations") == len(fetch(
            house.dsn, "SELECT 1 FROM liftlock.migrations WHERE scope = 'liftlock_control'"))  # fmt: skip
        assert value(house.dsn, "SELECT job_id FROM liftlock.fence WHERE scope = ''") is None


SWALLOWING = """\
import asyncio


class Swallowing:
    name = "swallowing"
    version = "1"
    dependencies: list[str] = []

    async def up(self, connection):
        await connection.execute("CREATE TABLE half_done (id int)")
        await asyncio.sleep(0.5)
        try:
            await connection.execute("INSERT INTO half_done VALUES (1)")
        except BaseException:
            pass
"""


def test_a_file_that_swallows_the_refusal_of_its_statement_is_not_taken_for_done(
    servers: Servers, folder: Path
) -> None:
    with open_house(servers, folder, timing=PATIENT) as house:
        house.write("1_swallowing.py", SWALLOWING)
        job_id = house.submit().job.id
        with working(house, job_id):
            eventually(lambda: house.job(job_id).message.startswith("applying"))
            cancel(house, job_id)
        assert house.job(job_id).state is JobState.CANCELLED
        assert value(house.dsn, "SELECT to_regclass('half_done') IS NULL") is True


def test_a_job_that_is_cancelled_after_its_attempt_was_lost_with_the_target_in_hand_frees_it(
    servers: Servers, folder: Path, tmp_path: Path
) -> None:
    with open_house(servers, folder, timing=PATIENT, shortcut=False) as house:
        house.write("1_note.sql", "-- migrate:up\nCREATE TABLE note (id int);\n")
        lost = house.submit().job.id
        failpoints.arm((Failpoint("fence.after", Action.RAISE),), tmp_path)
        try:
            with pytest.raises(failpoints.FailpointReached):
                house.perform(lost)
        finally:
            failpoints.arm((), tmp_path)
        assert value(house.dsn, "SELECT job_id FROM liftlock.fence WHERE scope = ''") == lost

        assert cancel(house, lost).state is JobState.QUEUED
        assert house.perform(lost).state is JobState.CANCELLED

        assert value(house.dsn, "SELECT job_id FROM liftlock.fence WHERE scope = ''") is None
        assert house.do().state is JobState.SUCCEEDED


def test_a_step_that_waits_names_whom_within_a_second_and_succeeds_when_they_are_gone(
    servers: Servers, folder: Path
) -> None:
    with open_house(servers, folder, timing=PATIENT, lock_tries=1000) as house:
        execute(house.dsn, "CREATE TABLE orders (id int)")
        house.write("1_note.sql", ALTERING)
        job_id = house.submit().job.id
        with (
            held(house.dsn, "SELECT * FROM orders", "billing") as holder,
            working(house, job_id),
        ):
            try:
                # how long the job takes until it waits is another question
                eventually(lambda: value(house.dsn, "SELECT 1 FROM pg_locks WHERE NOT granted LIMIT 1"))
                began = time.monotonic()
                eventually(lambda: house.job(job_id).reason == "lock")
                named_after_s = time.monotonic() - began
                waiting = eventually(lambda: job if "ACCESS EXCLUSIVE" in (job := house.job(job_id)).message else None)
                assert f"pid {holder} (billing) is idle in transaction" in waiting.message, waiting.message
                assert "ACCESS EXCLUSIVE on orders" in waiting.message
                assert named_after_s < 1.0
                samples = house.run_async(house.services.migrations.locks(job_id))
                (blocker,) = samples[0].blockers
                assert (blocker.pid, blocker.application, blocker.query) == (
                    holder, "billing", "BEGIN; SELECT * FROM orders",
                )  # fmt: skip
            finally:
                execute(house.dsn, "SELECT pg_terminate_backend($1)", holder)
        job = house.job(job_id)
        assert job.state is JobState.SUCCEEDED, job.error
        (last,) = house.run_async(house.services.migrations.locks(job_id))[-1:]
        assert not last.waiting or len(samples) >= 1


def test_whom_a_step_keeps_waiting_is_on_record(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, timing=PATIENT) as house:
        execute(house.dsn, "CREATE TABLE orders (id int)")
        house.write("1_long.sql", ALTERING.replace("text;", "text; SELECT pg_sleep(600);", 1))
        job_id = house.submit().job.id
        with working(house, job_id):
            eventually(lambda: is_busy(house, "pg_sleep"))
            reader = threading.Thread(target=fetch, args=(house.dsn, "SELECT * FROM orders"))
            reader.start()
            samples = eventually(lambda: house.run_async(house.services.migrations.locks(job_id)))
            cancel(house, job_id)
            reader.join(10)
        assert samples[0].blocked[0].query == "SELECT * FROM orders"
        assert not samples[0].waiting


def test_a_step_that_keeps_others_waiting_for_too_long_is_rolled_back(servers: Servers, folder: Path) -> None:
    dsn = Dsn(servers.new_database())
    strict = {"development": Environment("development", dsn, max_hold_ms=300)}
    with open_house(servers, folder, dsn.secret, timing=PATIENT, environments=strict) as house:
        execute(house.dsn, "CREATE TABLE orders (id int)")
        house.write("1_long.sql", ALTERING.replace("text;", "text; SELECT pg_sleep(600);", 1))
        job_id = house.submit().job.id
        with working(house, job_id):
            eventually(lambda: is_busy(house, "pg_sleep"))
            asked = time.monotonic()
            assert fetch(house.dsn, "SELECT * FROM orders") == []
            waited_s = time.monotonic() - asked
        job = house.job(job_id)
        assert (job.state, job.reason) == (JobState.FAILED, "statement_timeout")
        assert job.error is not None and "longer than `maxHoldMs`" in job.error.message
        assert waited_s < 2.0


def test_a_lock_that_is_never_free_is_given_up_with_the_name_of_its_holder(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, timing=PATIENT, lock_tries=2) as house:
        execute(house.dsn, "CREATE TABLE orders (id int)")
        house.write("1_note.sql", ALTERING)
        with held(house.dsn, "SELECT * FROM orders", "billing") as holder:
            job = house.do()
        assert (job.state, job.reason) == (JobState.FAILED, "lock_timeout")
        assert job.error is not None and f"pid {holder} (billing)" in (job.error.detail or "")


def _if_ended(house: House, job_id: JobId) -> Job | None:
    job = house.job(job_id)
    return job if job.state.final else None
