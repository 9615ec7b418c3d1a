"""JobControl: what people ask of a job that has not ended."""

import pytest

from app.domain.claim import ClaimRefusal
from app.domain.job import GivenBack, JobId, JobState, Wishes
from app.domain.principal import Principal
from tests.contract.conftest import Room
from tests.contract.test_jobs import DONE, add, claim, get, refused

BOB = Principal("bob", "user", "127.0.0.1")


def test_a_queued_job_that_is_cancelled_has_ended_and_never_runs(room: Room) -> None:
    job, behind = add(room), add(room)

    cancelled = room.run(room.control.cancel(job.id, BOB))

    assert cancelled is not None and (cancelled.state, cancelled.reason) == (JobState.CANCELLED, "by_user")
    assert cancelled.message == "cancelled by bob before it had started" and cancelled.finished_at is not None
    assert refused(room, job).why is ClaimRefusal.FINISHED
    assert claim(room, behind).job_id == behind.id


def test_a_running_job_is_asked_to_stop_by_whoever_came_first(room: Room) -> None:
    job = add(room)
    attempt = claim(room, job)
    assert room.run(room.claims.wishes(attempt)) == Wishes()

    for who in (BOB, Principal("eve", "user")):
        asked = room.run(room.control.cancel(job.id, who))
        assert asked is not None and asked.state is JobState.RUNNING and asked.cancelling

    assert room.run(room.claims.wishes(attempt)).cancelled_by == "bob"


def test_a_started_job_that_waits_to_go_on_is_only_asked_since_it_may_hold_its_target(room: Room) -> None:
    job = add(room)
    attempt = claim(room, job)
    room.run(room.claims.started(attempt, 1))
    room.run(room.claims.end(attempt, GivenBack("connection_lost", "gone")))

    asked = room.run(room.control.cancel(job.id, BOB))

    assert asked is not None and asked.state is JobState.QUEUED and asked.cancelling
    assert claim(room, job).wishes.cancelled_by == "bob"


@pytest.mark.parametrize("reason", ["crashed", "connection_lost", "backend_unavailable"])
def test_a_job_whose_attempt_may_have_taken_the_target_before_it_could_say_so_is_only_asked(
    room: Room, reason: str
) -> None:
    job = add(room)
    room.run(room.claims.end(claim(room, job), GivenBack(reason, "nobody knows how far it came")))

    asked = room.run(room.control.cancel(job.id, BOB))

    assert asked is not None and asked.state is JobState.QUEUED and asked.cancelling
    later = claim(room, job)
    assert later.wishes.cancelled_by == "bob" and later.starts == 1


def test_a_job_whose_worker_died_is_only_asked(room: Room) -> None:
    job = add(room)
    claim(room, job)
    room.pass_time(31)
    room.run(room.sweep.rescue(10))

    asked = room.run(room.control.cancel(job.id, BOB))

    assert asked is not None and asked.state is JobState.QUEUED and asked.cancelling


@pytest.mark.parametrize("reason", ["for_target", "target_unreachable", "target_unusable", "environment_missing"])
def test_a_job_whose_attempts_never_held_the_target_ends_at_once(room: Room, reason: str) -> None:
    job = add(room)
    for _ in range(2):
        room.run(room.claims.end(claim(room, job), GivenBack(reason, "not yet")))

    cancelled = room.run(room.control.cancel(job.id, BOB))

    assert cancelled is not None and cancelled.state is JobState.CANCELLED


def test_a_job_that_has_ended_is_left_as_it_is_by_a_cancel(room: Room) -> None:
    job = add(room, finished=DONE)

    assert room.run(room.control.cancel(job.id, BOB)) is None
    assert room.run(room.control.pause(job.id, BOB)) is None

    left = get(room, job)
    assert left.state is JobState.SUCCEEDED and left.cancel_requested_at is None
    assert room.run(room.control.cancel(JobId(room.clock.new_id()), BOB)) is None


def test_a_job_is_paused_by_whoever_came_first_until_somebody_resumes_it(room: Room) -> None:
    job = add(room)
    attempt = claim(room, job)

    for who in (BOB, Principal("eve", "user")):
        paused = room.run(room.control.pause(job.id, who))
        assert paused is not None and paused.paused_by == "bob"
    assert room.run(room.claims.wishes(attempt)) == Wishes(paused_by="bob")

    resumed = room.run(room.control.resume(job.id, BOB))
    assert resumed is not None and resumed.paused_by is None
    assert room.run(room.claims.wishes(attempt)) == Wishes()
