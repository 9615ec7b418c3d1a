"""Approvals: a job waits for the words that it needs, each counted once, and goes on with the last of them."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.job import Job, JobId, JobKind, JobRequest, JobState, Origin, Principal
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
