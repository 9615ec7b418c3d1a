"""LockLog: what was seen of the locks around a job, and what the job says of it."""

from datetime import UTC, datetime

from app.domain.job import Ended, JobState
from app.domain.locks import LockSample, Session
from tests.contract.conftest import Room
from tests.contract.test_jobs import add, claim, get

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
WAITING = LockSample(NOW, 77, 0, "AccessExclusiveLock", "orders", (Session(8, "u", "app", "active", "q", NOW, NOW),))
FREE = LockSample(NOW, 77, 1, blocked=(Session(9),))


def test_samples_are_kept_in_their_order_and_the_job_says_what_the_newest_shows(room: Room) -> None:
    job = add(room)
    attempt = claim(room, job)
    assert room.run(room.locks.of(job.id)) == ()

    room.run(room.locks.record(attempt, WAITING, "it waits"))
    waiting = get(room, job)
    room.run(room.locks.record(attempt, FREE, "it works"))

    assert (waiting.reason, waiting.message) == ("lock", "it waits")
    assert (get(room, job).reason, get(room, job).message) == ("applying", "it works")
    assert room.run(room.locks.of(job.id)) == (WAITING, FREE)


def test_a_sample_of_an_attempt_that_is_over_is_not_kept(room: Room) -> None:
    job = add(room)
    attempt = claim(room, job)
    room.run(room.claims.end(attempt, Ended(JobState.SUCCEEDED, "applied", "done")))

    room.run(room.locks.record(attempt, WAITING, "late"))

    assert room.run(room.locks.of(job.id)) == () and get(room, job).message == "done"


def test_what_a_waiting_job_says_may_grow_older_without_a_new_sample(room: Room) -> None:
    job = add(room)
    attempt = claim(room, job)
    room.run(room.locks.say(attempt, "not waiting"))
    assert get(room, job).message != "not waiting"
    room.run(room.locks.record(attempt, WAITING, "for 0 s"))

    room.run(room.locks.say(attempt, "for 1 s"))

    assert get(room, job).message == "for 1 s"
    assert room.run(room.locks.of(job.id)) == (WAITING,)
