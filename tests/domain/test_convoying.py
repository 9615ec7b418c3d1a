"""One job over several targets: what comes next, and how it ends with them."""

from dataclasses import replace
from uuid import UUID

import pytest

from app.domain.again import refuse_unsafe_retry
from app.domain.convoy import Convoy
from app.domain.convoying import NOT_REACHED, Move, Skip, Start, Stop, Wait, child_request, next_move
from app.domain.errors import NotSafeToRetry
from app.domain.failure import Failure, FailureCode
from app.domain.job import Ended, Job, JobId, JobKind, JobRequest, JobState, OnBusy, Wishes
from tests.domain.literals import NOON

TARGETS = ("shop.eu", "shop.us", "shop.ap")
WHOLE = JobRequest(JobKind.RUN, "shop", confirm="shop", on_busy=OnBusy.FAIL, convoy=Convoy(TARGETS, (None,) * 3))
BROKE = Failure(FailureCode.SQL_ERROR, "it broke", left_behind="nothing", next_steps=("POST /migrations/run",))
CANCELLED, PAUSED = Wishes(cancelled_by="ann"), Wishes(paused_by="bob")


def job(place: int, state: JobState, reason: str = "applied", **more: object) -> Job:
    made = Job(JobId(UUID(int=place)), child_request(WHOLE, place, UUID(int=99)), state, reason, reason, NOON, NOON)
    return replace(made, **more)  # type: ignore[arg-type]


DONE, IDLE = job(0, JobState.SUCCEEDED), job(0, JobState.SUCCEEDED, "nothing_to_do")
AT_WORK = job(1, JobState.RUNNING, "applying")
FAILED = job(1, JobState.FAILED, "sql_error", error=BROKE)
LOST = job(1, JobState.NEEDS_ATTENTION, "uncertain", error=BROKE)
STOPPED = job(1, JobState.CANCELLED, "by_user")


def untouched(place: int) -> Job:
    return job(place, JobState.CANCELLED, NOT_REACHED)


def kind(move: Move) -> object:
    return (type(move), move.place) if isinstance(move, Start | Skip) else type(move)


@pytest.mark.parametrize(
    ("jobs", "wishes", "expected"),
    [
        ((), Wishes(), (Start, 0)),
        ((), PAUSED, Wait),
        ((), CANCELLED, (Skip, 0)),
        ((DONE,), Wishes(), (Start, 1)),
        ((DONE,), PAUSED, Wait),
        ((DONE, AT_WORK), Wishes(), Wait),
        ((DONE, AT_WORK), PAUSED, Wait),
        ((DONE, AT_WORK), CANCELLED, Stop),
        ((DONE, replace(AT_WORK, cancel_requested_at=NOON)), CANCELLED, Wait),
        ((DONE, FAILED), Wishes(), (Skip, 2)),
        ((DONE, LOST), Wishes(), (Skip, 2)),
        ((DONE, STOPPED), Wishes(), (Skip, 2)),
        ((DONE, FAILED), PAUSED, (Skip, 2)),
        ((DONE, FAILED, untouched(2)), Wishes(), Ended),
    ],
)
def test_what_comes_next_is_told_by_what_is_on_record(jobs: tuple[Job, ...], wishes: Wishes, expected: object) -> None:
    assert kind(next_move(WHOLE, jobs, wishes)) == expected


@pytest.mark.parametrize(
    ("jobs", "state", "reason"),
    [
        ((DONE, job(1, JobState.SUCCEEDED), job(2, JobState.SUCCEEDED)), JobState.SUCCEEDED, "applied"),
        ((IDLE, job(1, JobState.SUCCEEDED), job(2, JobState.SUCCEEDED)), JobState.SUCCEEDED, "applied"),
        ((IDLE, replace(IDLE, id=JobId(UUID(int=1))), IDLE), JobState.SUCCEEDED, "nothing_to_do"),
        ((DONE, FAILED, untouched(2)), JobState.FAILED, "sql_error"),
        ((DONE, LOST, untouched(2)), JobState.NEEDS_ATTENTION, "uncertain"),
        ((DONE, STOPPED, untouched(2)), JobState.CANCELLED, "by_user"),
        ((DONE, untouched(1), untouched(2)), JobState.CANCELLED, "by_user"),
    ],
)
def test_it_ends_as_the_worst_of_its_targets(jobs: tuple[Job, ...], state: JobState, reason: str) -> None:
    ended = next_move(WHOLE, jobs, Wishes())
    assert isinstance(ended, Ended)
    assert (ended.state, ended.reason) == (state, reason)


def test_a_failure_says_what_has_become_of_each_target() -> None:
    ended = next_move(WHOLE, (DONE, FAILED, untouched(2)), Wishes())
    assert isinstance(ended, Ended)
    assert ended.message == "shop.us: sql_error; done: 1 of 3 targets; not touched: shop.ap"
    assert ended.error is not None
    assert ended.error.left_behind == "in shop.us: nothing; all of it in shop.eu; nothing in shop.ap"
    assert ended.error.next_steps == (f"GET /jobs/{FAILED.id}", "POST /migrations/run")


def test_what_one_target_has_had_since_before_is_recorded_there_and_not_in_all_of_them() -> None:
    mark = 'or record it: POST /migrations/mark{} {{"as": "applied", "names": ["b"]}}'
    broke = replace(FAILED, error=replace(BROKE, next_steps=("POST /migrations/run again", mark.format(""))))
    ended = next_move(WHOLE, (DONE, broke, untouched(2)), Wishes())
    assert isinstance(ended, Ended) and ended.error is not None
    assert ended.error.next_steps[1:] == ("POST /migrations/run again", mark.format("?environment=shop.us"))


def test_who_confirms_the_whole_confirms_each_target_and_a_job_of_one_waits_its_turn() -> None:
    asked = child_request(WHOLE, 2, UUID(int=99))
    assert (asked.environment, asked.confirm, asked.parent) == ("shop.ap", "shop.ap", UUID(int=99))
    assert (asked.on_busy, asked.convoy, asked.queue) == (OnBusy.QUEUE, None, "shop.ap")


def test_a_rollback_that_has_begun_somewhere_is_not_repeated_everywhere() -> None:
    back = replace(WHOLE, kind=JobKind.ROLLBACK)
    begun = replace(FAILED, request=back, attempt=2)
    with pytest.raises(NotSafeToRetry, match="some of its targets"):
        refuse_unsafe_retry(begun, ())
    refuse_unsafe_retry(replace(begun, request=replace(back, to="one")), ())
