"""What a migration says while it runs, the server's messages and what Python prints, is in the log of its job."""

import io
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from app.domain.events import MOST_LINES
from app.domain.job import Job, JobId, JobKind, JobState, StepState
from app.services.progress import MORE
from tests.support.eventually import eventually
from tests.support.house import QUICK, House, open_house, working
from tests.support.servers import Servers, execute, held

pytestmark = pytest.mark.servers

UP = "-- migrate:up\n"
PRINTING = """\
import sys
import threading

name, version = "printing", "1"


async def up(connection):
    print("begin", end=" ")
    print("and end")
    sys.stdout.write("in\\ntwo lines, \\x1b[31mred\\x00\\n")
    await connection.execute("DO $$ BEGIN RAISE WARNING 'look out'; END $$")
    print("after it", file=sys.stdout, flush=True)
    {last}
"""
BUSY = """\
import time
from pathlib import Path

async def up(connection):
    for _ in range(1_000):
        if Path(__file__).with_name("go").exists():
            time.sleep(0.01)
"""
KEEPING = """\
import logging
import sys
handler = logging.StreamHandler(sys.stdout)

async def up(connection):
    handler.handle(logging.makeLogRecord({"msg": "by a handler", "levelno": 20}))
    sys.stdout.writelines(["one\\n", "two\\n"])
    for _ in range(30):
        print("x" * 1_000, end="")
    print()
    print("next")
"""


@pytest.fixture
def house(servers: Servers, folder: Path) -> Iterator[House]:
    with open_house(servers, folder) as it:
        yield it


def said(house: House, job_id: UUID) -> list[str]:
    """The lines that steps have said, without the step's name."""
    lines = house.http("GET", f"/jobs/{job_id}/events?limit=500").get_json()
    return [one["said"].split(": ", 1)[1] for one in lines if one["type"] == "step.said"]


def types_of(house: House, job_id: UUID) -> list[str]:
    return [one.split()[1] for one in house.http("GET", f"/jobs/{job_id}/log").text.splitlines()]


def of_a_run(house: House) -> tuple[Job, list[str]]:
    job = house.do()
    return job, said(house, job.id)


def test_what_a_script_in_sql_raises_is_in_the_log_before_the_steps_end(house: House) -> None:
    house.write("1_loud.sql", f"{UP}DO $$ BEGIN RAISE NOTICE 'moved % rows', 5; RAISE INFO E'two\\nlines'; END $$;\n")

    job, lines = of_a_run(house)

    assert lines == ["NOTICE: moved 5 rows", "INFO: two", "lines"]
    types = types_of(house, job.id)
    assert types.index("step.said") < types.index("step.applied")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        # in one message with its ledger row
        ("CREATE TABLE IF NOT EXISTS there (id int);", ['NOTICE: relation "there" already exists, skipping']),
        # statement by statement, behind a savepoint
        ("DROP TABLE IF EXISTS away;", ['NOTICE: table "away" does not exist, skipping']),
        ("DROP TABLE there CASCADE;", ["NOTICE: drop cascades to view seen"]),
        # outside a transaction
        (
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS there_id ON there (id);",
            ['NOTICE: relation "there_id" already exists, skipping'],
        ),
        # another level than is asked for is nobody's business
        ("SET client_min_messages = warning; DROP TABLE IF EXISTS away;", []),
    ],
)
def test_notices_are_heard_however_a_step_is_carried_out(house: House, script: str, expected: list[str]) -> None:
    execute(house.dsn, "CREATE TABLE there (id int); CREATE INDEX there_id ON there (id)")
    execute(house.dsn, "INSERT INTO there VALUES (1); CREATE VIEW seen AS SELECT id FROM there")
    house.write("1_one.sql", f"{UP}{script}\n")

    job, lines = of_a_run(house)

    assert job.state is JobState.SUCCEEDED, job.error
    assert lines == expected


def test_what_python_prints_is_in_the_log_as_any_terminal_can_show_it(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.write("1_printing.py", PRINTING.format(last="pass"))

    job, lines = of_a_run(house)

    assert job.state is JobState.SUCCEEDED, job.error
    assert lines == ["begin and end", "in", "two lines, \ufffd[31mred\ufffd", "WARNING: look out", "after it"]
    print("of nobody's step")
    printed = capsys.readouterr().out
    assert "of nobody's step\n" in printed and "begin" not in printed


def test_what_a_step_that_fails_has_said_is_kept(house: House) -> None:
    house.write("1_printing.py", PRINTING.format(last="raise ValueError('no')"))

    job, lines = of_a_run(house)

    assert job.state is JobState.FAILED
    assert lines[0] == "begin and end"


def test_a_script_that_is_run_twice_to_keep_what_it_destroys_is_heard_once(house: House) -> None:
    execute(house.dsn, "CREATE TABLE old (id int PRIMARY KEY); INSERT INTO old VALUES (1)")
    house.write("1_loud.sql", f"{UP}DO $$ BEGIN RAISE NOTICE 'dropping'; EXECUTE 'DROP TABLE old'; END $$;\n")

    job, lines = of_a_run(house)

    assert job.state is JobState.SUCCEEDED and "kept" in (job.steps[0].notice or "")
    assert lines == ["NOTICE: dropping"]


def test_too_many_lines_are_cut_and_it_says_so(house: House) -> None:
    loop = f"FOR i IN 1..{MOST_LINES + 50} LOOP RAISE NOTICE 'row %', i; END LOOP"
    house.write("1_loud.sql", f"{UP}DO $$ BEGIN {loop}; END $$;\n")

    _, lines = of_a_run(house)

    assert lines == [*(f"NOTICE: row {i}" for i in range(1, MOST_LINES + 1)), MORE]


def test_a_rollback_is_heard_too(house: House) -> None:
    house.write("1_a.sql", f"{UP}CREATE TABLE a (id int);\n-- migrate:down\nDROP TABLE a; DROP TABLE IF EXISTS b;\n")
    house.do()

    job = house.do(JobKind.ROLLBACK)

    assert said(house, job.id) == ['NOTICE: table "b" does not exist, skipping']


def test_a_password_that_is_said_is_hidden(servers: Servers, folder: Path) -> None:
    address = "postgresql://ann:marker-of-a-password@127.0.0.1/x"
    with open_house(servers, folder, environ={"THEIR_URL": address}) as house:
        house.write("1_loud.py", f'async def up(c):\n    print("{address}")\n')

        _, lines = of_a_run(house)

    assert lines == ["postgresql://ann:•••@127.0.0.1/x"]


def test_a_long_step_is_heard_while_it_runs(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, timing=replace(QUICK, look_every_ms=50)) as house:
        house.write("1_loud.sql", f"{UP}DO $$ BEGIN RAISE NOTICE 'begun'; PERFORM pg_sleep(600); END $$;\n")
        job_id = house.submit().job.id
        with working(house, job_id):
            eventually(lambda: said(house, job_id) == ["NOTICE: begun"], within_s=10)
            assert house.http("GET", f"/jobs/{job_id}").get_json()["state"] == "running"
            types = types_of(house, job_id)
            assert types.index("step.started") < types.index("step.said")
            house.http("POST", f"/jobs/{job_id}/cancel")


def test_a_script_that_is_looked_at_again_for_its_error_is_heard_once(house: House) -> None:
    house.write("1_loud.sql", f"{UP}CREATE TABLE a (); CREATE TABLE IF NOT EXISTS a ();\nCREATE TABLE a ();\n")

    job, lines = of_a_run(house)

    assert job.error is not None and job.error.line == 3
    assert lines == ['NOTICE: relation "a" already exists, skipping']


def test_a_script_that_gives_way_and_tries_again_says_only_what_is_new(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder, timing=QUICK) as house:
        execute(house.dsn, "CREATE TABLE a (); CREATE SEQUENCE tries")
        tries = "RAISE NOTICE 'the same'; RAISE NOTICE 'try %', nextval('tries'); RAISE NOTICE 'behind'"
        house.write("1_loud.sql", f"{UP}DO $$ BEGIN {tries}; END $$;\nALTER TABLE a ADD COLUMN b int;\n")
        job_id = house.submit().job.id
        with working(house, job_id):
            with held(house.dsn, "LOCK TABLE a", "theirs"):
                eventually(lambda: "NOTICE: try 2" in said(house, job_id), within_s=10)
            eventually(lambda: house.job(job_id).state.final, within_s=10)

        lines = said(house, job_id)

    assert lines[:5] == [f"NOTICE: {one}" for one in ("the same", "try 1", "behind", "try 2", "behind")]


def test_a_proof_tells_what_the_up_says(house: House) -> None:
    house.write("1_loud.py", 'async def up(c):\n    print("up")\nasync def down(c):\n    print("down")\n')
    job_id = UUID(house.http("POST", "/migrations/verify", json={}).get_json()["id"])

    assert house.perform(JobId(job_id)).state is JobState.SUCCEEDED
    assert said(house, job_id) == ["up"]


def test_a_file_that_keeps_its_worker_from_everything_else_is_named_meanwhile(
    house: House, servers: Servers, folder: Path
) -> None:
    house.write("go", "")
    house.write("1_busy.py", BUSY)
    job_id = house.submit().job.id
    with open_house(servers, folder, dsn=house.dsn) as other, working(house, job_id):
        eventually(lambda: other.job(job_id).message == "applying busy (1)")
        assert [step.state for step in other.job(job_id).steps] == [StepState.RUNNING]
        (folder / "go").unlink()
    assert house.job(job_id).state is JobState.SUCCEEDED


def test_however_a_file_prints_it_is_heard(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = io.StringIO()
    monkeypatch.setattr(sys, "stdout", theirs)
    house.write("1_a.py", KEEPING)
    house.write("2_b.py", 'import io, sys\nasync def up(c):\n    sys.stdout = io.StringIO()\n    print("away")\n')
    house.write("3_c.py", 'async def up(c):\n    print("here")\n')

    _, lines = of_a_run(house)

    assert lines == ["by a handler", "one", "two", "x" * 999 + "…", "next", "here"]
    print("of nobody's step")
    assert theirs.getvalue().endswith("\nof nobody's step\n") and "away" not in theirs.getvalue()
