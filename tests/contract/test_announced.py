"""The end of a job that had nothing to do is told whole, so that whoever waits for it need not read it again."""

from dataclasses import replace

import pytest

from app.domain.announced import NothingDone
from app.domain.job import (
    Attempt,
    Ended,
    GivenBack,
    Job,
    JobId,
    JobKind,
    JobRequest,
    JobState,
    Origin,
)
from app.domain.principal import Principal
from app.ports import NewJob
from tests.contract.conftest import Room

IDLE = Ended(JobState.SUCCEEDED, "nothing_to_do", "nothing to do in development")
ANN = Principal("ann", "token")


def added(room: Room) -> Job:
    request = JobRequest(JobKind.RUN, "development")
    return room.run(room.board.add(NewJob(JobId(room.clock.new_id()), request, Origin(ANN), "3 to apply")))


async def taken(room: Room, job: Job) -> Attempt:
    attempt = await room.claims.claim(job.id, "worker", 30_000)
    assert isinstance(attempt, Attempt)
    return attempt


async def started(room: Room, job: Job) -> Ended:
    await room.claims.started(await taken(room, job), 1)
    return IDLE


async def given_back(room: Room, job: Job) -> Ended:
    await room.claims.end(await taken(room, job), GivenBack("for_target", "it is held", 0))
    await taken(room, job)
    return IDLE


async def asked_to_stop(room: Room, job: Job) -> Ended:
    await taken(room, job)
    await room.control.cancel(job.id, ANN)
    return IDLE


async def paused(room: Room, job: Job) -> Ended:
    await taken(room, job)
    await room.control.pause(job.id, ANN)
    return IDLE


async def with_a_notice(room: Room, job: Job) -> Ended:
    await taken(room, job)
    return replace(IDLE, notices=("look here",))


async def something_done(room: Room, job: Job) -> Ended:
    await taken(room, job)
    return replace(IDLE, reason="applied")


async def end_of(room: Room, job: Job, ended: Ended, number: int = 1) -> NothingDone | None:
    """As who watches it hears."""
    async with room.board.watch(job.id) as changes:
        request = JobRequest(JobKind.RUN, "development")
        attempt = Attempt(job.id, number, request, 0, 0, 1, job.created_at, "worker", "ann")
        assert await room.claims.end(attempt, ended)
        while not changes.ended:
            assert await changes.wait(10)
        return changes.end


def test_with_what_was_known_of_the_job_it_is_all_of_it(room: Room) -> None:
    job = added(room)

    async def story() -> NothingDone | None:
        await taken(room, job)
        return await end_of(room, job, IDLE)

    end = room.run(story())

    assert end is not None
    assert end.of(job) == room.run(room.board.get(job.id))


@pytest.mark.parametrize(
    ("before", "number"),
    [
        (started, 1),
        (given_back, 2),
        (asked_to_stop, 1),
        (paused, 1),
        (with_a_notice, 1),
        (something_done, 1),
    ],
)
def test_where_more_has_become_of_it_it_is_read(room: Room, before: object, number: int) -> None:
    job = added(room)

    async def story() -> NothingDone | None:
        ended = await before(room, job)  # type: ignore[operator]
        return await end_of(room, job, ended, number)

    assert room.run(story()) is None
    assert room.run(room.board.get(job.id)).state is JobState.SUCCEEDED  # type: ignore[union-attr]


def test_it_says_nothing_of_a_job_that_others_may_have_changed_since(room: Room) -> None:
    job = added(room)
    end = NothingDone("nothing to do", *[room.clock.now()] * 3)
    assert end.of(job) is not None
    for other in (
        replace(job, attempt=1),
        replace(job, state=JobState.WAITING),
        replace(job, paused_by="ann"),
        replace(job, cancel_requested_at=room.clock.now()),
        replace(job, parts=(job,)),
    ):
        assert end.of(other) is None
