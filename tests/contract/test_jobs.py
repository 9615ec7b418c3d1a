"""JobBoard, JobClaims and JobSweep: what holds of jobs wherever they are kept."""

import asyncio
from typing import Any

import pytest

from app.domain.claim import ClaimRefusal, ClaimRefused
from app.domain.failure import Failure, FailureCode
from app.domain.job import (
    Attempt,
    Ended,
    GivenBack,
    Job,
    JobId,
    JobKind,
    JobRequest,
    JobState,
    OnBusy,
    Origin,
    StepRecord,
    StepState,
)
from app.domain.principal import Principal
from app.domain.settling import Resolution, Settling
from app.ports import JobQuery, NewJob
from tests.contract.conftest import Room

TTL_MS = 30_000
DONE = Ended(JobState.SUCCEEDED, "applied", "1 migration applied")
NOTHING = Ended(JobState.SUCCEEDED, "nothing_to_do", "nothing to do", notices=("as it was",))


def new_job(room: Room, environment: str = "development", **changed: object) -> NewJob:
    values: dict[str, object] = {
        "id": JobId(room.clock.new_id()),
        "request": JobRequest(JobKind.RUN, environment),
        "origin": Origin(Principal("ada", "user", "127.0.0.1"), "req-1"),
        "message": "waiting",
    }
    return NewJob(**{**values, **changed})  # type: ignore[arg-type]


def add(room: Room, environment: str = "development", **changed: object) -> Job:
    return room.run(room.board.add(new_job(room, environment, **changed)))


def claim(room: Room, job: Job) -> Attempt:
    claimed = room.run(room.claims.claim(job.id, "worker-1", TTL_MS))
    assert isinstance(claimed, Attempt), claimed
    return claimed


def refused(room: Room, job: Job) -> ClaimRefused:
    answer = room.run(room.claims.claim(job.id, "worker-2", TTL_MS))
    assert isinstance(answer, ClaimRefused), answer
    return answer


def get(room: Room, job: Job) -> Job:
    found = room.run(room.board.get(job.id))
    assert found is not None
    return found


def test_a_job_is_queued_and_keeps_who_asked_for_what(room: Room) -> None:
    job = get(room, add(room))

    assert (job.state, job.reason, job.message) == (JobState.QUEUED, "for_worker", "waiting")
    assert job.request == JobRequest(JobKind.RUN, "development")
    assert job.origin == Origin(Principal("ada", "user", "127.0.0.1"), "req-1")
    assert job.seq is not None and job.attempt == 0


def test_a_job_with_nothing_to_do_is_over_when_it_is_born(room: Room) -> None:
    job = get(room, add(room, finished=NOTHING))

    assert (job.state, job.reason, job.notices) == (JobState.SUCCEEDED, "nothing_to_do", ("as it was",))
    assert job.finished_at is not None and job.seq is None
    assert room.run(room.board.open_on("development")) == ()


def test_a_job_with_a_dedupe_key_stays_the_one_job_while_it_waits(room: Room) -> None:
    first = add(room, dedupe_key="auto-run", dedupe_within_s=60, approvals_needed=1)
    room.pass_time(61)
    assert add(room, dedupe_key="auto-run", dedupe_within_s=60, approvals_needed=1).id == first.id


def test_jobs_with_one_dedupe_key_are_one_job_for_a_while(room: Room) -> None:
    first = add(room, dedupe_key="auto-run", dedupe_within_s=60)

    assert add(room, dedupe_key="auto-run", dedupe_within_s=60).id == first.id
    room.pass_time(61)
    assert add(room, dedupe_key="auto-run", dedupe_within_s=60).id != first.id


@pytest.mark.parametrize("on_busy", [OnBusy.FAIL, OnBusy.JOIN])
def test_of_many_that_would_not_queue_one_is_added(room: Room, on_busy: OnBusy) -> None:
    request = JobRequest(JobKind.RUN, "development", on_busy=on_busy)

    async def race() -> list[Job]:
        return list(await asyncio.gather(*(room.board.add(new_job(room, request=request)) for _ in range(6))))

    jobs = room.run(race())

    assert len({job.id for job in jobs}) == 1
    assert len(room.run(room.board.open_on("development"))) == 1


def test_the_first_jobs_of_an_environment_may_come_together(room: Room) -> None:
    async def race() -> list[Job]:
        return list(await asyncio.gather(*(room.board.add(new_job(room, "fresh")) for _ in range(6))))

    jobs = room.run(race())

    assert [job.id for job in room.run(room.board.open_on("fresh"))] == [
        job.id for job in sorted(jobs, key=lambda job: job.seq or 0)
    ]
    assert len({job.seq for job in jobs}) == 6


def test_an_unknown_job_is_nobody(room: Room) -> None:
    unknown = JobId(room.clock.new_id())

    assert room.run(room.board.get(unknown)) is None
    answer = room.run(room.claims.claim(unknown, "worker", TTL_MS))
    assert isinstance(answer, ClaimRefused) and answer.why is ClaimRefusal.UNKNOWN


def test_the_list_is_newest_first_filtered_and_paged(room: Room) -> None:
    jobs = [add(room, environment) for environment in ("development", "staging", "development")]
    newest_first = [job.id for job in reversed(jobs)]

    def ids(query: JobQuery) -> list[JobId]:
        return [job.id for job in room.run(room.board.find(query))]

    assert ids(JobQuery()) == newest_first
    assert ids(JobQuery(limit=1)) == newest_first[:1]
    assert ids(JobQuery(before=newest_first[0])) == newest_first[1:]
    assert ids(JobQuery(environment="staging")) == [jobs[1].id]
    assert ids(JobQuery(kind=JobKind.RESET)) == []
    assert ids(JobQuery(state=JobState.QUEUED)) == newest_first


def test_of_an_environment_are_the_jobs_that_change_it_and_where_asked_those_that_look_at_it(room: Room) -> None:
    run = add(room, "staging")
    scan, part = (add(room, name, request=JobRequest(JobKind.SCAN, name)) for name in ("staging", "staging.eu"))
    add(room, "development", request=JobRequest(JobKind.SCAN, "development"))

    def ids(**more: Any) -> list[JobId]:
        return [job.id for job in room.run(room.board.find(JobQuery(environment="staging", **more)))]

    assert ids() == ids(with_targets=True) == [run.id]
    assert ids(chores=True) == [scan.id, run.id]
    assert ids(chores=True, with_targets=True) == [part.id, scan.id, run.id]


def test_a_claim_makes_an_attempt_with_a_number_of_its_own(room: Room) -> None:
    job = add(room)

    attempt = claim(room, job)

    assert (attempt.number, attempt.actor, attempt.owner, attempt.request) == (1, "ada", "worker-1", job.request)
    assert attempt.request_id == "req-1"
    assert get(room, job).state is JobState.RUNNING
    assert get(room, job).started_at is not None


def test_a_running_job_is_not_given_away_again(room: Room) -> None:
    job = add(room)
    claim(room, job)

    answer = refused(room, job)

    assert (answer.why, answer.holder, answer.evidence["owner"]) == (ClaimRefusal.ALREADY_RUNNING, job.id, "worker-1")


def test_a_job_that_has_ended_is_not_given_away(room: Room) -> None:
    job = add(room)
    room.run(room.claims.end(claim(room, job), DONE))

    assert refused(room, job).why is ClaimRefusal.FINISHED


def test_jobs_of_a_target_go_in_order_and_targets_do_not_wait_for_each_other(room: Room) -> None:
    first, second, other = add(room), add(room), add(room, "staging")

    answer = refused(room, second)

    assert (answer.why, answer.holder) == (ClaimRefusal.NOT_HEAD, first.id)
    claim(room, first)
    assert refused(room, second).holder == first.id
    claim(room, other)


def test_only_one_of_many_claims_wins(room: Room) -> None:
    job = add(room)

    async def race() -> list[Attempt | ClaimRefused]:
        return list(await asyncio.gather(*(room.claims.claim(job.id, f"worker-{n}", TTL_MS) for n in range(8))))

    answers = room.run(race())

    assert sum(isinstance(answer, Attempt) for answer in answers) == 1


def test_the_end_of_a_job_is_kept_with_its_error(room: Room) -> None:
    job = add(room)
    failure = Failure(FailureCode.SQL_ERROR, "no such table", sqlstate="42P01", file="1.sql", line=3)
    outcome = Ended(JobState.FAILED, "sql_error", "it failed", failure, ("a notice",))

    assert room.run(room.claims.end(claim(room, job), outcome))

    ended = get(room, job)
    assert (ended.state, ended.reason, ended.error, ended.notices) == (
        JobState.FAILED, "sql_error", failure, ("a notice",)
    )  # fmt: skip
    assert ended.finished_at is not None and ended.lease_until is None


def test_a_late_attempt_changes_nothing(room: Room) -> None:
    job = add(room)
    late = claim(room, job)
    room.pass_time(31)
    assert room.run(room.sweep.rescue(10)) == (job.id,)
    newer = claim(room, job)
    step = StepRecord(0, "a", "1", "up", StepState.APPLIED)

    assert newer.number == 2
    assert room.run(room.claims.started(late, 5)) is None
    assert not room.run(room.claims.beat(late, TTL_MS))
    assert not room.run(room.claims.end(late, DONE))
    room.run(room.claims.record_steps(late, [step], "too late"))
    assert get(room, job).steps == () and get(room, job).message != "too late"
    assert room.run(room.claims.end(newer, DONE))


def test_starts_are_counted_and_the_targets_epoch_is_remembered(room: Room) -> None:
    job = add(room)
    first = claim(room, job)

    assert room.run(room.claims.started(first, 7)) == 1
    room.run(room.claims.end(first, GivenBack("connection_lost", "lost")))
    second = claim(room, job)
    assert (second.starts, second.floor_epoch) == (1, 7)
    assert room.run(room.claims.started(second, 3)) == 2
    room.run(room.claims.end(second, GivenBack("connection_lost", "lost")))
    assert claim(room, job).floor_epoch == 7


def test_a_beat_keeps_the_lease_alive(room: Room) -> None:
    job = add(room)
    attempt = claim(room, job)
    room.pass_time(20)
    assert room.run(room.claims.beat(attempt, TTL_MS))
    room.pass_time(20)

    assert room.run(room.sweep.rescue(10)) == ()
    room.pass_time(31)
    assert room.run(room.sweep.rescue(10)) == (job.id,)
    assert get(room, job).reason == "rescued"


def test_steps_are_shown_as_they_go(room: Room) -> None:
    job = add(room)
    attempt = claim(room, job)
    planned = [StepRecord(n, name, "1", "up", StepState.PENDING) for n, name in enumerate("ab")]
    room.run(room.claims.record_steps(attempt, planned, "planned"))
    failure = Failure(FailureCode.SQL_ERROR, "no")
    room.run(
        room.claims.record_steps(attempt, [StepRecord(1, "b", "1", "up", StepState.FAILED, error=failure)], "failed")
    )

    shown = get(room, job)
    assert [step.state for step in shown.steps] == [StepState.PENDING, StepState.FAILED]
    assert (shown.steps[1].error, shown.message) == (failure, "failed")


def test_a_job_that_waits_its_turn_is_rung_by_whoever_frees_the_target(room: Room) -> None:
    first, second = add(room), add(room)
    attempt = claim(room, first)
    assert room.run(room.sweep.next_on("development")) is None
    refused(room, second)

    room.run(room.claims.end(attempt, DONE))

    assert room.run(room.sweep.next_on("development")) == second.id
    assert room.run(room.sweep.next_on("development")) is None


def test_a_job_whose_message_is_still_under_way_is_not_rung_twice(room: Room) -> None:
    first, _ = add(room), add(room)

    room.run(room.claims.end(claim(room, first), DONE))

    assert room.run(room.sweep.next_on("development")) is None


def test_the_sweeper_rings_heads_that_are_due_and_waits_longer_each_time(room: Room) -> None:
    first, _ = add(room), add(room)

    room.pass_time(6)
    assert room.run(room.sweep.due(10)) == (first.id,)
    assert room.run(room.sweep.due(10)) == ()
    room.pass_time(16)
    assert room.run(room.sweep.due(10)) == (first.id,)


def test_a_ring_that_did_not_get_out_is_tried_again_in_five_seconds(room: Room) -> None:
    job = add(room)
    room.run(room.sweep.unrung(job.id))

    room.pass_time(4)
    assert room.run(room.sweep.due(10)) == ()
    room.pass_time(2)
    assert room.run(room.sweep.due(10)) == (job.id,)


def test_a_job_given_back_for_a_while_is_due_after_it(room: Room) -> None:
    job = add(room)
    room.run(room.claims.end(claim(room, job), GivenBack("target_unreachable", "away", 5_000)))

    assert get(room, job).state is JobState.QUEUED
    assert room.run(room.sweep.next_on("development")) is None
    room.pass_time(6)
    assert room.run(room.sweep.due(10)) == (job.id,)


def test_a_job_just_added_is_left_to_its_first_ring_for_a_moment(room: Room) -> None:
    job = add(room)

    assert room.run(room.sweep.due(10)) == ()
    room.pass_time(6)
    assert room.run(room.sweep.due(10)) == (job.id,)


def test_whoever_watches_a_job_wakes_when_it_changes(room: Room) -> None:
    job = add(room)

    async def watch() -> bool:
        async with room.board.watch(job.id) as changes:
            await room.claims.claim(job.id, "worker", TTL_MS)
            return await changes.wait(10)

    assert room.run(watch())


def test_whoever_watches_a_job_is_told_of_its_end(room: Room) -> None:
    job = add(room)

    async def watch() -> list[bool]:
        async with room.board.watch(job.id) as changes:
            attempt = await room.claims.claim(job.id, "worker", TTL_MS)
            assert isinstance(attempt, Attempt) and await changes.wait(10)
            seen = [changes.ended]
            await room.claims.end(attempt, DONE)
            while not changes.ended:
                assert await changes.wait(10)
            return [*seen, changes.ended]

    assert room.run(watch()) == [False, True]


def test_whoever_watches_a_job_that_does_not_change_wakes_in_time(room: Room) -> None:
    job = add(room)

    async def watch() -> bool:
        async with room.board.watch(job.id) as changes:
            return await changes.wait(0.05)

    assert not room.run(watch())


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_open_jobs_are_told_in_their_order(room: Room, state: JobState) -> None:
    jobs = [add(room) for _ in range(3)]
    if state is JobState.RUNNING:
        claim(room, jobs[0])

    assert [job.id for job in room.run(room.board.open_on("development"))] == [job.id for job in jobs]
    assert room.run(room.board.open_on("development"))[0].state is state


def releasing(room: Room) -> JobRequest:
    settling = Settling(room.clock.new_id(), Resolution.RELEASE_TARGET, stranded=room.clock.new_id())
    return JobRequest(JobKind.RESOLVE, "development", settling=settling)


def test_the_release_of_a_stranded_target_goes_before_those_that_wait_for_it(room: Room) -> None:
    waiting = add(room)
    release = add(room, request=releasing(room))

    assert [job.id for job in room.run(room.board.open_on("development"))] == [release.id, waiting.id]
    assert refused(room, waiting).holder == release.id
    assert claim(room, release).request == release.request


def test_a_release_never_runs_beside_the_job_that_is_running(room: Room) -> None:
    running = add(room)
    claim(room, running)
    release = add(room, request=releasing(room))

    assert refused(room, release).holder == running.id


def test_a_release_that_nobody_waits_for_takes_its_place_like_any_job(room: Room) -> None:
    release = add(room, request=releasing(room))
    later = add(room)

    assert [job.id for job in room.run(room.board.open_on("development"))] == [release.id, later.id]


def test_no_step_of_a_job_that_has_ended_is_still_under_way(room: Room) -> None:
    job = add(room)
    attempt = claim(room, job)
    states = (StepState.APPLIED, StepState.RUNNING, StepState.PENDING)
    steps = [StepRecord(place, f"m{place}", "1", "up", state) for place, state in enumerate(states)]
    room.run(room.claims.record_steps(attempt, steps, "at it"))

    room.run(room.claims.end(attempt, Ended(JobState.FAILED, "crashed", "it never came to an end")))

    assert [step.state for step in get(room, job).steps] == [StepState.APPLIED, StepState.SKIPPED, StepState.SKIPPED]
    assert "GET /migrations" in (get(room, job).steps[1].notice or "")
