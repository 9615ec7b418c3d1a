"""Approvals: a job waits for the words that it needs, each counted once, and goes on with the last of them."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.job import Attempt, GivenBack, Job, JobId, JobKind, JobRequest, JobState, Origin
from app.domain.principal import Principal
from app.ports import NewJob
from tests.contract.conftest import Room

ANN, BOB, EVE = (Origin(Principal(name, "token"), f"request of {name}") for name in ("ann", "bob", "eve"))
HOUR = timedelta(hours=1)


def add(room: Room, needed: int = 1) -> Job:
    new = NewJob(
        JobId(room.clock.new_id()), JobRequest(JobKind.RUN, "development"), ANN, "waiting", approvals_needed=needed
    )
    return room.run(room.board.add(new))


def approve(room: Room, job: Job, by: Origin, not_before: datetime | None = None) -> Job | None:
    return room.run(room.approvals.approve(job.id, by, "looks right", not_before))


def test_a_job_that_needs_a_word_waits_without_a_place(room: Room) -> None:
    job = add(room)
    assert (job.state, job.reason, job.seq, job.approvals_needed) == (JobState.WAITING, "approval", None, 1)
    room.pass_time(3600)
    assert room.run(room.sweep.wake(10)) == 0
    assert room.run(room.board.open_on("development")) == ()


def test_with_the_last_word_it_is_queued_behind_what_is_there(room: Room) -> None:
    job, other = add(room), add(room, 0)
    approved = approve(room, job, BOB)
    assert approved is not None
    assert (approved.state, approved.reason, approved.approvals_needed) == (JobState.QUEUED, "for_worker", 0)
    assert [one.id for one in room.run(room.board.open_on("development"))] == [other.id, job.id]
    (vote,) = room.run(room.approvals.of(job.id))
    assert (vote.by.id, vote.approved, vote.note) == ("bob", True, "looks right")


def test_who_has_spoken_does_not_count_twice(room: Room) -> None:
    job = add(room, 2)
    first = approve(room, job, BOB)
    assert first is not None and (first.state, first.approvals_needed) == (JobState.WAITING, 1)
    assert approve(room, job, BOB) is None
    last = approve(room, job, EVE)
    assert last is not None and last.state is JobState.QUEUED
    assert approve(room, job, ANN) is None


def test_it_is_over_with_one_no(room: Room) -> None:
    job = add(room, 2)
    approve(room, job, BOB)
    rejected = room.run(room.approvals.reject(job.id, EVE, "not on a Friday"))
    assert rejected is not None
    assert (rejected.state, rejected.reason) == (JobState.CANCELLED, "rejected")
    assert rejected.message == "rejected by eve: not on a Friday"
    assert approve(room, job, ANN) is None
    assert [vote.approved for vote in room.run(room.approvals.of(job.id))] == [True, False]


def test_what_is_approved_while_the_window_is_closed_waits_for_it(room: Room) -> None:
    job = add(room)
    now = room.clock.now() if room.dsn is None else datetime.now(UTC)
    approved = approve(room, job, BOB, now + HOUR)
    assert approved is not None and (approved.state, approved.reason) == (JobState.WAITING, "window")
    assert room.run(room.sweep.wake(10)) == 0
    room.pass_time(3601)
    assert room.run(room.sweep.wake(10)) == 1


@pytest.mark.parametrize("ended", [True, False])
def test_a_job_that_waits_for_nobody_takes_no_word(room: Room, ended: bool) -> None:
    job = add(room, 1 if ended else 0)
    if ended:
        room.run(room.control.cancel(job.id, ANN.principal))
    assert approve(room, job, BOB) is None
    assert room.run(room.approvals.reject(job.id, BOB, None)) is None
    assert room.run(room.approvals.of(job.id)) == ()


def take(room: Room, job: Job) -> Attempt:
    attempt = room.run(room.claims.claim(job.id, "worker", 30_000))
    assert isinstance(attempt, Attempt)
    return attempt


def test_a_job_that_waits_comes_to_need_more(room: Room) -> None:
    job = add(room, 2)
    approve(room, job, BOB)
    more = room.run(room.approvals.require(job.id, 4))
    assert more is not None and (more.state, more.reason, more.approvals_needed) == (JobState.WAITING, "approval", 3)
    assert more.message == "development asks for 4 approvals by now; it has 1 and waits for 3 more"


@pytest.mark.parametrize("asked", [0, 1, 2])
def test_it_never_comes_to_need_fewer(room: Room, asked: int) -> None:
    job = add(room, 2)
    assert room.run(room.approvals.require(job.id, asked)) is None
    same = room.run(room.board.get(job.id))
    assert same is not None and same.approvals_needed == 2


def test_what_is_approved_and_has_not_begun_waits_again_and_makes_room(room: Room) -> None:
    job, other = add(room), add(room, 0)
    approve(room, job, BOB)
    more = room.run(room.approvals.require(job.id, 2))
    assert more is not None and (more.state, more.seq, more.approvals_needed) == (JobState.WAITING, None, 1)
    assert [one.id for one in room.run(room.board.open_on("development"))] == [other.id]
    last = approve(room, job, EVE)
    assert last is not None and last.state is JobState.QUEUED
    assert [one.id for one in room.run(room.board.open_on("development"))] == [other.id, job.id]


def test_what_waits_for_its_window_alone_waits_for_people_again(room: Room) -> None:
    job = add(room)
    now = room.clock.now() if room.dsn is None else datetime.now(UTC)
    approve(room, job, BOB, now + HOUR)
    more = room.run(room.approvals.require(job.id, 2))
    assert more is not None and more.reason == "approval"
    room.pass_time(3601)
    assert room.run(room.sweep.wake(10)) == 0


def test_who_has_just_taken_it_sends_it_back_and_it_has_still_not_begun(room: Room) -> None:
    job = add(room)
    approve(room, job, BOB)
    attempt = take(room, job)
    assert room.run(room.approvals.require(job.id, 2)) is None
    sent_back = room.run(room.approvals.require(job.id, 2, attempt.number))
    assert sent_back is not None and sent_back.state is JobState.WAITING
    assert (sent_back.lease_until, sent_back.started_at) == (None, None)
    assert not room.run(room.claims.beat(attempt, 30_000))
    approve(room, job, EVE)
    again = take(room, job)
    assert (again.number, again.starts) == (2, 0)


def test_what_somebody_has_stopped_just_after_it_was_taken_is_over_and_waits_for_nobody(room: Room) -> None:
    job = add(room)
    approve(room, job, BOB)
    attempt = take(room, job)
    asked = room.run(room.control.cancel(job.id, ANN.principal))
    assert asked is not None and asked.state is JobState.RUNNING
    ended = room.run(room.approvals.require(job.id, 2, attempt.number))
    assert ended is not None and (ended.state, ended.reason) == (JobState.CANCELLED, "by_user")
    assert (ended.approvals_needed, ended.message) == (0, "cancelled by ann before it had started")
    assert ended.finished_at is not None and room.run(room.board.open_on("development")) == ()


def test_what_has_begun_goes_on(room: Room) -> None:
    job = add(room)
    approve(room, job, BOB)
    attempt = take(room, job)
    assert room.run(room.claims.started(attempt, 1)) == 1
    assert room.run(room.approvals.require(job.id, 2, attempt.number)) is None
    room.run(room.claims.end(attempt, GivenBack("connection_lost", "gone")))
    assert room.run(room.approvals.require(job.id, 2)) is None
    assert take(room, job).number == 2
