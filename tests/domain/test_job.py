import pytest

from app.domain.job import FINAL, JobState, may_move

QUEUED, WAITING, RUNNING = JobState.QUEUED, JobState.WAITING, JobState.RUNNING
SUCCEEDED, FAILED = JobState.SUCCEEDED, JobState.FAILED
CANCELLED, NEEDS_ATTENTION = JobState.CANCELLED, JobState.NEEDS_ATTENTION

ARROWS = {
    (WAITING, QUEUED),
    (WAITING, CANCELLED),
    (WAITING, FAILED),
    (QUEUED, RUNNING),
    (QUEUED, WAITING),
    (QUEUED, CANCELLED),
    (QUEUED, FAILED),
    (RUNNING, QUEUED),
    (RUNNING, WAITING),
    (RUNNING, SUCCEEDED),
    (RUNNING, FAILED),
    (RUNNING, CANCELLED),
    (RUNNING, NEEDS_ATTENTION),
}
EVERY_OTHER_PAIR = [(one, other) for one in JobState for other in JobState if (one, other) not in ARROWS]


def test_a_waiting_job_gets_its_turn() -> None:
    assert may_move(WAITING, QUEUED)


def test_a_waiting_job_may_be_cancelled() -> None:
    assert may_move(WAITING, CANCELLED)


def test_a_waiting_job_may_fail() -> None:
    assert may_move(WAITING, FAILED)


def test_a_queued_job_is_taken() -> None:
    assert may_move(QUEUED, RUNNING)


def test_a_queued_job_that_never_started_may_be_cancelled() -> None:
    assert may_move(QUEUED, CANCELLED)


def test_a_queued_job_that_never_started_may_fail() -> None:
    assert may_move(QUEUED, FAILED)


def test_a_running_job_is_given_back() -> None:
    assert may_move(RUNNING, QUEUED)


@pytest.mark.parametrize("before", [QUEUED, RUNNING])
def test_a_job_is_sent_back_to_wait_until_it_has_started(before: JobState) -> None:
    assert may_move(before, WAITING)
    assert not may_move(before, WAITING, starts=1)


def test_a_running_job_succeeds() -> None:
    assert may_move(RUNNING, SUCCEEDED)


def test_a_running_job_fails() -> None:
    assert may_move(RUNNING, FAILED)


def test_a_running_job_is_cancelled() -> None:
    assert may_move(RUNNING, CANCELLED)


def test_a_running_job_comes_to_need_attention() -> None:
    assert may_move(RUNNING, NEEDS_ATTENTION)


@pytest.mark.parametrize(("before", "after"), EVERY_OTHER_PAIR)
def test_every_other_move_is_refused(before: JobState, after: JobState) -> None:
    assert not may_move(before, after)


@pytest.mark.parametrize("after", sorted(FINAL))
def test_a_job_that_has_started_is_not_ended_from_the_queue(after: JobState) -> None:
    assert not may_move(QUEUED, after, starts=1)


def test_a_job_that_has_started_may_be_taken_again() -> None:
    assert may_move(QUEUED, RUNNING, starts=1)


@pytest.mark.parametrize("after", sorted(FINAL))
def test_a_job_that_has_started_is_ended_by_its_attempt(after: JobState) -> None:
    assert may_move(RUNNING, after, starts=1)


def test_four_states_are_final() -> None:
    assert [state for state in JobState if state.final] == [SUCCEEDED, FAILED, CANCELLED, NEEDS_ATTENTION]
