"""Never twice, never half: whatever dies, and however often a job is delivered."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.domain.job import Job, JobId, JobKind, JobState
from tests.support.dying import Died, Mortal, make_mortal
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute, fetch, value

pytestmark = pytest.mark.servers

COUNTED = """\
-- migrate:up
INSERT INTO effects (name, direction) VALUES ('{name}', 'up');
CREATE VIEW {name} AS SELECT 1 AS one;
-- migrate:down
INSERT INTO effects (name, direction) VALUES ('{name}', 'down');
DROP VIEW {name};
"""
KEEPING = """\
-- migrate:up
INSERT INTO effects (name, direction) VALUES ('rows', 'up');
CREATE TABLE rows (id int);
-- migrate:down
INSERT INTO effects (name, direction) VALUES ('rows', 'down');
DROP TABLE rows;
"""
PARTS = 2
"""Of the moments, so that they are lived through side by side."""

FULL = os.environ.get("LIFTLOCK_CHAOS") == "full"
APART, KEEPING_APART = (1, 1) if FULL else (9, 18)
"""Every moment is lived through in `make chaos`; elsewhere every ninth, and of those of keeping every eighteenth."""

MOST_MOMENTS = 400


def _prepare(house: House) -> None:
    execute(house.dsn, "CREATE TABLE effects (name text, direction text)")
    for name in ("a", "b"):
        house.write(f"{1 + (name == 'b')}_{name}.sql", COUNTED.format(name=name))


def _effects(house: House) -> list[tuple[str, str]]:
    return [tuple(row) for row in fetch(house.dsn, "SELECT name, direction FROM effects")]


def _rescue_and_perform(house: House, job_id: JobId) -> Job:
    """What the sweeper and the next worker do, without waiting for the lease to lapse."""
    execute(
        house.dsn,
        "UPDATE liftlock_control.jobs SET lease_until = clock_timestamp() - interval '1 s' WHERE state = 'running'",
    )
    house.services.sweeper_portal.run(house.services.sweeper.sweep())
    return house.perform(job_id)


@pytest.mark.parametrize("first", range(1, PARTS + 1))
@pytest.mark.parametrize("kind", [JobKind.RUN, JobKind.RESET])
def test_a_worker_may_die_at_any_moment(
    servers: Servers, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: JobKind, first: int
) -> None:
    with open_house(servers, folder, shortcut=False) as house:
        _prepare(house)
        survived = _die_at_every_moment(house, monkeypatch, kind, _moments(first, APART))

    assert survived > 20


@pytest.mark.parametrize("first", range(1, PARTS + 1))
@pytest.mark.parametrize("kind", [JobKind.RUN, JobKind.RESET])
def test_no_row_is_lost_or_doubled_when_a_worker_dies_while_it_keeps_or_gives_back(
    servers: Servers, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: JobKind, first: int
) -> None:
    with open_house(servers, folder, shortcut=False) as house:
        _prepare_rows(house, kind)
        survived = _die_at_every_moment(
            house, monkeypatch, kind, _moments(first, KEEPING_APART), _assert_no_row_is_lost_or_doubled
        )

    assert survived > 20


def _moments(part: int, apart: int) -> range:
    return range(1 + (part - 1) * apart, MOST_MOMENTS, PARTS * apart)


def _die_at_every_moment(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    kind: JobKind,
    moments: range,
    holds: Callable[[House, JobKind, str], None] = lambda house, kind, where: None,
) -> int:
    """One house, one life after the other: a first worker dies at moment n, a second one ends the job."""
    for at in moments:
        execute(house.dsn, "TRUNCATE effects")
        expected = _expected(house, kind)
        job_id = house.submit(kind).job.id
        life = Mortal(at)
        with monkeypatch.context() as patch:
            make_mortal(patch, life)
            with contextlib.suppress(Died, asyncio.CancelledError):
                house.perform(job_id)
        if not life.dead:
            return at
        job = _rescue_and_perform(house, job_id)
        assert job.state is JobState.SUCCEEDED, (life.where, job)
        assert _effects(house) == expected, life.where
        assert value(house.dsn, "SELECT job_id FROM liftlock.fence WHERE scope = ''") is None, life.where
        holds(house, kind, life.where)
        other = JobKind.RESET if kind is JobKind.RUN else JobKind.RUN
        assert house.do(other).state is JobState.SUCCEEDED, life.where
        holds(house, other, life.where)
    raise AssertionError("the worker never came to the end of its work")


def _prepare_rows(house: House, kind: JobKind) -> None:
    """Rows that a reset would destroy, and a run gives back."""
    execute(house.dsn, "CREATE TABLE effects (name text, direction text)")
    house.write("1_rows.sql", KEEPING)
    house.do(JobKind.RUN)
    execute(house.dsn, "INSERT INTO rows VALUES (1), (2)")
    if kind is JobKind.RUN:
        house.do(JobKind.RESET)


def _assert_no_row_is_lost_or_doubled(house: House, kind: JobKind, where: str) -> None:
    if kind is JobKind.RUN:
        assert [row["id"] for row in fetch(house.dsn, "SELECT id FROM rows ORDER BY id")] == [1, 2], where
    else:
        kept = fetch(house.dsn, "SELECT relation_name, rows FROM liftlock.preserved WHERE state = 'kept'")
        assert [tuple(row) for row in kept] == [("rows", 2)], where


def _expected(house: House, kind: JobKind) -> list[tuple[str, str]]:
    names = sorted(file.stem.partition("_")[2] for file in house.folder.glob("*.sql"))
    if kind is JobKind.RUN:
        return [(name, "up") for name in names]
    if not any(status == "completed" for status in house.statuses().values()):
        house.do(JobKind.RUN)
        execute(house.dsn, "TRUNCATE effects")
    return [(name, "down") for name in reversed(names)]


def test_a_job_delivered_three_times_at_once_runs_once(servers: Servers, folder: Path) -> None:
    with open_house(servers, folder) as house:
        _prepare(house)
        job_id = house.submit().job.id

        async def deliver_three_times() -> None:
            await asyncio.gather(*(house.services.runner.perform(job_id) for _ in range(3)))

        house.run_async(deliver_three_times())

        assert house.job(job_id).state is JobState.SUCCEEDED
        assert _effects(house) == [("a", "up"), ("b", "up")]
        assert value(house.dsn, "SELECT sum(count) FROM liftlock_control.conflicts") == 2
        kinds = fetch(house.dsn, "SELECT kind, state FROM liftlock_control.conflicts")
        assert [tuple(row) for row in kinds] == [("duplicate_delivery", "resolved")]
