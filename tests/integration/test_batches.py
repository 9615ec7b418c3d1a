"""Large data changes in ranges: resumed where they stood, paused, cancelled, and never done twice."""

import contextlib
from pathlib import Path

import pytest

from app.domain.job import Job, JobId, JobState, Origin
from tests.integration.test_alone import take_over
from tests.integration.test_locks_and_cancel import PATIENT, cancel
from tests.support.dying import Died, Mortal, make_mortal
from tests.support.eventually import eventually
from tests.support.house import House, open_house, working
from tests.support.servers import Servers, execute, fetch, held, value

pytestmark = pytest.mark.servers

FILL = """\
-- migrate:up
-- liftlock: batch table=orders key={key} size={size} pause={pause}
UPDATE orders SET touched = touched + 1 WHERE {key} BETWEEN $1 AND $2;
-- migrate:down
SELECT 1;
"""
ORDERS = """
CREATE TABLE orders (id bigint PRIMARY KEY, code text, at timestamptz, uid uuid, touched int NOT NULL DEFAULT 0);
INSERT INTO orders
SELECT n, 'c' || lpad(n::text, 5, '0'), '2026-01-01'::timestamptz + n * interval '1 s', md5(n::text)::uuid
FROM generate_series(1, 100) n;
"""


def prepare(house: House, *, key: str = "id", size: int = 7, pause: int = 0) -> None:
    execute(house.dsn, ORDERS)
    house.write("1_fill.sql", FILL.format(key=key, size=size, pause=pause))


def touched(house: House) -> list[int]:
    """How many rows were touched, how many of them once."""
    return list(fetch(house.dsn, "SELECT count(*) FILTER (WHERE touched > 0), count(*) FILTER (WHERE touched = 1)"
                                 " FROM orders")[0])  # fmt: skip


@pytest.mark.parametrize("key", ["id", "code", "at", "uid"])
def test_every_row_is_touched_once_whatever_kind_of_key_it_goes_by(servers: Servers, folder: Path, key: str) -> None:
    with open_house(servers, folder) as house:
        prepare(house, key=key)
        job = house.do()
        assert job.state is JobState.SUCCEEDED, job.error
        assert touched(house) == [100, 100]
        assert value(house.dsn, "SELECT count(*) FROM liftlock.step_statements") == 0


def test_a_worker_may_die_at_any_moment_of_a_batch(
    servers: Servers, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_house(servers, folder, shortcut=False) as house:
        prepare(house, size=40)
        for at in range(1, 300, 12):
            job_id = house.submit().job.id
            life = Mortal(at)
            with monkeypatch.context() as patch, contextlib.suppress(Died):
                make_mortal(patch, life)
                house.perform(job_id)
            if not life.dead:
                break
            job = take_over(house, job_id)
            assert job.state is JobState.SUCCEEDED, (life.where, job)
            assert touched(house) == [100, 100], life.where
            execute(house.dsn, "UPDATE orders SET touched = 0")
            execute(house.dsn, "DELETE FROM liftlock.migrations WHERE name = 'fill'")
        assert at > 40


def test_it_says_how_far_it_is_waits_while_it_is_paused_and_then_goes_on(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, timing=PATIENT) as house:
        prepare(house, size=1, pause=30)
        job_id = house.submit().job.id
        with working(house, job_id):
            eventually(lambda: "rows, up to id" in house.job(job_id).message)
            ask(house, "pause", job_id)
            eventually(lambda: house.job(job_id).message.startswith("paused"))
            seen = touched(house)
            assert 0 < seen[0] < 100
            assert value(house.dsn, "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
                                    " AND application_name LIKE 'liftlock:job%'") == 0  # fmt: skip
            ask(house, "resume", job_id)
        assert house.job(job_id).state is JobState.SUCCEEDED
        assert touched(house) == [100, 100]


def test_what_was_done_stays_when_it_is_cancelled_and_the_next_run_goes_on_behind_it(
    servers: Servers, folder: Path
) -> None:
    with open_house(servers, folder, timing=PATIENT) as house:
        prepare(house, size=1, pause=30)
        job_id = house.submit().job.id
        with working(house, job_id):
            eventually(lambda: touched(house)[0] > 3)
            cancel(house, job_id)
        assert house.job(job_id).state is JobState.CANCELLED
        assert 3 < touched(house)[0] < 100
        assert house.do().state is JobState.SUCCEEDED
        assert touched(house) == [100, 100]


def test_a_range_that_is_locked_is_waited_for_without_starting_over(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        prepare(house, size=50)
        job_id = house.submit().job.id
        with (
            held(house.dsn, "UPDATE orders SET code = code WHERE id = 80", "billing") as holder,
            working(house, job_id),
        ):
            try:
                eventually(lambda: touched(house)[0] == 50)
            finally:
                execute(house.dsn, "SELECT pg_terminate_backend($1)", holder)
        assert house.job(job_id).state is JobState.SUCCEEDED
        assert touched(house) == [100, 100]


def test_a_range_that_fails_names_the_statement_and_what_stays(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        prepare(house, size=50)
        execute(house.dsn, "ALTER TABLE orders ADD CHECK (id < 80 OR touched = 0)")
        job = house.do()
        assert (job.state, job.reason) == (JobState.FAILED, "sql_error")
        assert job.error is not None and (job.error.sqlstate, job.error.line) == ("23514", 3)
        assert "the ranges of orders that were done stay" in job.error.left_behind
        assert touched(house)[0] == 50


def ask(house: House, what: str, job_id: JobId) -> Job:
    asked = getattr(house.services.migrations, what)
    job: Job = house.run_async(asked(job_id, Origin()))
    return job
