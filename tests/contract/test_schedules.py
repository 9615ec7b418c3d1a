"""Schedules: what is due is started once, whoever ticks, and what was missed is made up for once."""

from datetime import timedelta

import pytest

from app.domain.claim import ClaimRefused
from app.domain.job import Attempt, Ended, JobId, JobKind, JobRequest, JobState, Origin
from app.domain.principal import Principal
from app.domain.schedule import Schedule
from app.ports import JobQuery, NewJob
from tests.contract.conftest import Room

NOTHING = Ended(JobState.SUCCEEDED, "nothing_to_do", "nothing to do")
TEN_MINUTES = 600.0


def schedule(room: Room, name: str) -> Schedule:
    return next(one for one in room.run(room.schedules.all()) if one.name == name)


def end(room: Room, job_id: JobId, outcome: Ended = NOTHING) -> None:
    attempt = room.run(room.claims.claim(job_id, "worker", 30_000))
    assert isinstance(attempt, Attempt), attempt
    assert room.run(room.claims.end(attempt, outcome))


def kinds(room: Room, *job_ids: JobId) -> list[str]:
    jobs = [room.run(room.board.get(job_id)) for job_id in job_ids]
    return sorted(job.request.kind.value for job in jobs if job is not None)


def test_what_runs_by_itself_is_there_and_not_due_at_once(room: Room) -> None:
    every = [(one.name, one.kind, one.every, one.paused) for one in room.run(room.schedules.all())]

    assert every == [
        ("compare", JobKind.COMPARE, timedelta(hours=1), False),
        ("drift", JobKind.SCAN, timedelta(hours=1), False),
        ("purge", JobKind.PURGE, timedelta(minutes=10), False),
        ("reconcile", JobKind.RECONCILE, timedelta(minutes=15), False),
        ("rescue", JobKind.RESCUE, timedelta(minutes=5), False),
    ]
    assert room.run(room.schedules.tick()) == ()


def test_what_is_due_is_started_once_by_two_ticks(room: Room) -> None:
    room.pass_time(TEN_MINUTES)

    first, second = room.run(room.schedules.tick()), room.run(room.schedules.tick())

    assert kinds(room, *first) == ["purge", "rescue"]
    assert second == ()
    assert {schedule(room, name).last_job for name in ("purge", "rescue")} == set(first)


def test_a_job_of_a_schedule_names_it_and_who_started_it(room: Room) -> None:
    room.pass_time(300)

    (job_id,) = room.run(room.schedules.tick())

    job = room.run(room.board.get(job_id))
    assert job is not None
    assert (job.request.schedule, job.request.kind, job.state) == ("rescue", JobKind.RESCUE, JobState.QUEUED)
    assert job.origin.principal == Principal("scheduler", "service")
    assert "schedule rescue" in job.message


def test_a_clock_that_was_ahead_and_is_set_back_silences_nothing(room: Room) -> None:
    room.pass_time(-365 * 24 * 3600)

    started = room.run(room.schedules.tick())

    assert kinds(room, *started) == ["compare", "purge", "reconcile", "rescue", "scan"]
    assert room.run(room.schedules.tick()) == ()
    room.pass_time(TEN_MINUTES)
    for job_id in started:
        end(room, job_id)
    assert kinds(room, *room.run(room.schedules.tick())) == ["purge", "rescue"]


def test_what_was_missed_is_made_up_for_once_and_then_goes_on_in_its_rhythm(room: Room) -> None:
    before = schedule(room, "rescue").next_due
    for other in ("compare", "purge", "drift", "reconcile"):
        room.run(room.schedules.pause(other, Origin()))
    room.pass_time(3 * 3600)

    (job_id,) = room.run(room.schedules.tick())
    end(room, job_id)

    assert room.run(room.schedules.tick()) == ()
    room.pass_time(300)
    assert len(room.run(room.schedules.tick())) == 1
    late = schedule(room, "rescue").next_due - before
    assert late.total_seconds() % 300 == pytest.approx(0, abs=1e-3) or room.dsn is not None


def test_while_a_job_of_it_is_open_there_is_no_other(room: Room) -> None:
    room.pass_time(300)
    (job_id,) = room.run(room.schedules.tick())

    room.pass_time(300)
    assert kinds(room, *room.run(room.schedules.tick())) == ["purge"]
    end(room, job_id)
    room.pass_time(300)
    assert kinds(room, *room.run(room.schedules.tick())) == ["reconcile", "rescue"]


def test_a_paused_schedule_is_left_alone_until_it_is_resumed(room: Room) -> None:
    paused = room.run(room.schedules.pause("rescue", Origin()))
    room.run(room.schedules.pause("purge", Origin()))
    room.pass_time(TEN_MINUTES)

    assert paused is not None and paused.paused
    assert room.run(room.schedules.tick()) == ()
    resumed = room.run(room.schedules.resume("rescue", Origin()))
    assert resumed is not None and not resumed.paused
    assert kinds(room, *room.run(room.schedules.tick())) == ["rescue"]


def test_there_is_no_schedule_of_another_name(room: Room) -> None:
    assert room.run(room.schedules.pause("nightly", Origin())) is None
    assert room.run(room.schedules.resume("nightly", Origin())) is None


def test_a_tick_is_listed_only_when_it_has_come_to_something(room: Room) -> None:
    room.pass_time(TEN_MINUTES)
    one, other = room.run(room.schedules.tick())

    assert room.run(room.board.find(JobQuery())) == ()
    end(room, one)
    end(room, other, Ended(JobState.SUCCEEDED, "done", "2 keys deleted"))

    assert [job.id for job in room.run(room.board.find(JobQuery()))] == [other]
    assert {job.id for job in room.run(room.board.find(JobQuery(idle=True)))} == {one, other}


def test_what_somebody_has_run_by_hand_is_listed_and_is_the_newest(room: Room) -> None:
    new = NewJob(
        JobId(room.clock.new_id()), JobRequest(JobKind.PURGE, "liftlock-control", schedule="purge"), Origin(), "now"
    )
    room.run(room.board.add(new))
    room.run(room.schedules.ran("purge", new.id))
    end(room, new.id)

    assert [job.id for job in room.run(room.board.find(JobQuery()))] == [new.id]
    assert schedule(room, "purge").last_job == new.id


def test_a_chore_waits_for_no_target_and_no_target_for_it(room: Room) -> None:
    run = NewJob(JobId(room.clock.new_id()), JobRequest(JobKind.RUN, "development"), Origin(), "runs")
    room.run(room.board.add(run))
    room.pass_time(TEN_MINUTES)
    chores = room.run(room.schedules.tick())

    assert kinds(room, *chores) == ["purge", "rescue"]
    claimed = [room.run(room.claims.claim(job_id, "worker", 30_000)) for job_id in (run.id, *chores)]

    assert not any(isinstance(one, ClaimRefused) for one in claimed)
    assert {job.id for job in room.run(room.board.open_on("development"))} == {run.id}


def test_ticks_that_came_to_nothing_are_forgotten_after_a_day_but_for_the_newest(room: Room) -> None:
    room.pass_time(300)
    (first,) = room.run(room.schedules.tick())
    end(room, first)
    room.run(room.schedules.pause("purge", Origin()))
    room.pass_time(300)
    (newest,) = room.run(room.schedules.tick())
    end(room, newest)

    room.run(room.sweep.purge())
    assert room.run(room.board.get(first)) is not None
    room.pass_time(25 * 3600)
    assert room.run(room.sweep.purge()) == 0

    assert room.run(room.board.get(first)) is None
    assert room.run(room.board.get(newest)) is not None


def test_a_tick_that_came_to_something_is_kept(room: Room) -> None:
    room.pass_time(300)
    (job_id,) = room.run(room.schedules.tick())
    end(room, job_id, Ended(JobState.SUCCEEDED, "done", "1 job given back"))
    room.run(room.schedules.ran("rescue", JobId(room.clock.new_id())))
    room.pass_time(25 * 3600)
    room.run(room.sweep.purge())

    assert room.run(room.board.get(job_id)) is not None
