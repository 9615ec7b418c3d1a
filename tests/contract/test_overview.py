"""EnvironmentLog: what is known of many environments at once, in memory and in PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime

from app.domain.axes import JobsSeen
from app.domain.drift import DriftCheck, DriftState, not_checked
from app.domain.job import Ended, GivenBack, JobKind, JobRequest, JobState, StepRecord, StepState
from tests.contract.conftest import Room
from tests.contract.test_jobs import DONE, NOTHING, add, claim, get

LATER = datetime(2101, 1, 1, tzinfo=UTC)
EVERY = ("development", "staging", "production")
FAILED = Ended(JobState.FAILED, "sql_error", "it failed")


def jobs(room: Room) -> dict[str, JobsSeen]:
    return dict(room.run(room.environments.jobs(EVERY)))


def test_an_environment_without_jobs_is_left_out(room: Room) -> None:
    add(room, "elsewhere")
    assert jobs(room) == {}
    assert room.run(room.environments.jobs(())) == {}


def test_the_newest_that_has_ended_is_the_last_and_those_that_have_not_are_counted(room: Room) -> None:
    first = add(room)
    room.run(room.claims.end(claim(room, first), DONE))
    second = add(room)
    room.run(room.claims.end(claim(room, second), FAILED))
    add(room), add(room)

    seen = jobs(room)["development"]

    assert seen == JobsSeen(last=replace(get(room, second), steps=()), running=None, open=2)
    assert seen.last is not None and (seen.last.state, seen.last.reason) == (JobState.FAILED, "sql_error")


def test_a_job_that_had_nothing_to_do_is_a_last_job_too(room: Room) -> None:
    add(room, finished=NOTHING)
    last = jobs(room)["development"].last
    assert last is not None and last.reason == "nothing_to_do"


def test_the_running_job_is_told_with_the_migrations_it_works_on(room: Room) -> None:
    job = add(room)
    attempt = claim(room, job)
    done = StepRecord(0, "one", "1", "up", StepState.APPLIED)
    at_work = StepRecord(1, "two", "2", "up", StepState.RUNNING)
    room.run(room.claims.record_steps(attempt, [done, at_work], "1 of 2"))

    seen = jobs(room)["development"]

    assert seen.running is not None and (seen.running.id, seen.running.message) == (job.id, "1 of 2")
    assert (seen.last, seen.open, seen.under_way) == (None, 1, ("two",))


def test_a_job_that_was_given_back_is_open_and_not_running(room: Room) -> None:
    room.run(room.claims.end(claim(room, add(room)), GivenBack("for_target", "another has it", 1000)))
    assert jobs(room)["development"] == JobsSeen(open=1)


def test_a_job_that_waits_for_its_window_is_open_too(room: Room) -> None:
    add(room, not_before=LATER)
    add(room)
    assert jobs(room)["development"] == JobsSeen(open=2)


def test_each_environment_has_its_own_jobs_and_looks_and_proofs_are_none_of_them(room: Room) -> None:
    staging = add(room, "staging", finished=NOTHING)
    add(room, "production")
    for kind in (JobKind.SCAN, JobKind.VERIFY):
        add(room, "development", request=JobRequest(kind, "development"))

    seen = jobs(room)

    assert seen.keys() == {"staging", "production"}
    assert seen["staging"].last is not None and seen["staging"].last.id == staging.id
    assert seen["production"] == JobsSeen(open=1)


def test_the_last_looks_come_without_their_differences(room: Room) -> None:
    drifted = DriftCheck("staging", DriftState.DRIFTED, "1 object", total=1, differences=({"kind": "index"},))
    kept = room.run(room.drift.put(drifted))
    room.run(room.drift.put(not_checked("elsewhere", "nobody asked")))

    assert room.run(room.environments.drift(EVERY)) == {"staging": replace(kept, differences=())}
