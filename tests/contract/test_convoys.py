"""The jobs of one job over several targets: at each place one, whoever makes it."""

import asyncio

from app.domain.convoying import UNDER_WAY
from app.domain.job import GivenBack, Job, JobState
from app.ports import JobQuery
from tests.contract.conftest import Room
from tests.contract.test_jobs import NOTHING, add, claim, new_job


def test_a_place_is_taken_once_and_the_others_are_given_what_stands_there(room: Room) -> None:
    parent = add(room, "shop")

    async def race() -> list[Job]:
        return list(await asyncio.gather(*(room.convoys.add(parent.id, 0, new_job(room, "shop.eu")) for _ in range(4))))

    first = room.run(race())
    over = room.run(room.convoys.add(parent.id, 1, new_job(room, "shop.us", finished=NOTHING)))

    assert len({one.id for one in first}) == 1
    assert [one.id for one in room.run(room.convoys.of(parent.id))] == [first[0].id, over.id]
    assert (first[0].state, over.state) == (JobState.QUEUED, JobState.SUCCEEDED)
    assert [one.id for one in room.run(room.board.open_on("shop.eu"))] == [first[0].id]
    assert room.run(room.convoys.of(over.id)) == ()


def test_jobs_of_single_targets_are_found_with_those_of_the_whole(room: Room) -> None:
    whole, part, other = add(room, "shop"), add(room, "shop.eu"), add(room, "shopping")
    asked = JobQuery(environment="shop")

    assert [one.id for one in room.run(room.board.find(asked))] == [whole.id]
    both = room.run(room.board.find(JobQuery(environment="shop", with_targets=True)))

    assert {one.id for one in both} == {whole.id, part.id}
    assert other.id not in {one.id for one in both}


def test_a_job_that_waits_for_those_of_its_targets_counts_as_at_work(room: Room) -> None:
    job = add(room, "shop")
    room.run(room.claims.end(claim(room, job), GivenBack(UNDER_WAY, "1 of 2", 60_000)))

    assert [one.id for one in room.run(room.board.find(JobQuery(state=JobState.RUNNING)))] == [job.id]
    assert room.run(room.board.find(JobQuery(state=JobState.QUEUED))) == ()
