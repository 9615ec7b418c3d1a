"""The whole Liftlock under scheduled faults, for a short while; and the same checks when a guard is missing."""

from pathlib import Path

import pytest

from app.domain.job import JobKind
from tests.chaos.harbour import ENVIRONMENTS, Harbour
from tests.chaos.nemesis import run
from tests.chaos.observer import Observer
from tests.chaos.schedule import Ask, Fault, Schedule, Strike, Wish, generate, read, write
from tests.support.servers import execute

NO_KEY = "ALTER TABLE liftlock.steps DROP CONSTRAINT steps_pkey"
SHORT_S = 8


def test_the_same_seed_gives_the_same_schedule_and_a_written_one_is_read_back(tmp_path: Path) -> None:
    schedule = generate(7, 300)
    write(tmp_path / "schedule.jsonl", 7, schedule)

    assert schedule == generate(7, 300) != generate(8, 300)
    assert read(tmp_path / "schedule.jsonl") == schedule
    assert {strike.fault for strike in schedule.strikes} == set(Fault)
    assert {wish.ask for wish in schedule.wishes} == set(Ask)


@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        ([("j", "running", 1, 1)], [("j", "succeeded", 1, 1)], []),
        ([("j", "succeeded", 1, 1)], [("j", "running", 2, 1)], ["job j was succeeded and is running"]),
        ([("j", "queued", 2, 1)], [], ["job j was queued and is gone"]),
        ([("j", "queued", 2, 1)], [("j", "queued", 1, 1)], ["job j went back from attempt 2 to 1"]),
        ([], [("j", "running", 1, 1), ("k", "running", 1, 1)], ["2 jobs run on target 1"]),
    ],
)
def test_the_observer_notes_what_may_never_be_seen(
    before: list[tuple[str, str, int, int]], after: list[tuple[str, str, int, int]], seen: list[str]
) -> None:
    observer = Observer("", {})
    for rows in (before, after):
        observer.saw([dict(zip(("id", "state", "attempt", "target_id"), row, strict=True)) for row in rows])
    assert observer.breaches == seen


@pytest.mark.servers
@pytest.mark.stack
def test_a_short_time_of_faults_leaves_nothing_wrong(tmp_path: Path) -> None:
    report = run(tmp_path, 3, generate(3, SHORT_S))

    assert report.breaches == [], report
    assert report.steps > 0 and report.looks > 0


@pytest.mark.long
@pytest.mark.servers
@pytest.mark.stack
def test_killed_workers_without_the_steps_key_and_the_second_look_are_caught(tmp_path: Path) -> None:
    strikes = [Strike(1 + 0.4 * number, Fault.KILL_CHILD, number, "", 0) for number in range(40)]

    report = run(tmp_path, 0, Schedule(tuple(strikes)), _without_key_and_second_look)

    assert any("twice in a row" in breach for breach in report.breaches), report


@pytest.mark.long
@pytest.mark.servers
@pytest.mark.stack
def test_workers_that_do_not_hear_of_a_cancel_or_a_pause_are_caught(tmp_path: Path) -> None:
    asks = (Ask.CANCEL, Ask.PAUSE)
    wishes = tuple(Wish(1 + 0.2 * number, asks[number % 2], number, 1.0) for number in range(100))
    strikes = tuple(Strike(1 + 0.8 * number, Fault.KILL_CHILD, number, "", 0) for number in range(25))

    report = run(tmp_path, 1, Schedule(strikes, wishes), _with_deaf_workers)

    for seen in ("was cancelled before the attempt began", "was paused since before the attempt began"):
        assert any(seen in breach for breach in report.breaches), report


def _with_deaf_workers(port: Harbour) -> None:
    port.celery = "tests.chaos.deaf"


def _without_key_and_second_look(port: Harbour) -> None:
    """The ledgers are made first, by a job each, so that there is a key to drop."""
    port.celery = "tests.chaos.saboteur"
    with port.office() as house:
        for name in ENVIRONMENTS:
            house.do(JobKind.RUN, environment=name, to="m01")
    for dsn in port.targets.values():
        execute(dsn, NO_KEY)
