"""A job that finds nothing to do is over without taking the target, where that is safe."""

import uuid

import pytest

from app.domain.errors import BackendUnavailable
from app.domain.job import GivenBack, JobId, JobKind, JobState
from app.domain.settling import MarkAs
from tests.services.floor import Floor, ended


@pytest.fixture
def done(floor: Floor) -> Floor:
    """Everything is applied, and the job that did it is over."""
    attempt = floor.attempt()
    floor.portal.run(floor.claims.end(attempt, ended(floor.execute(attempt))))
    return floor


def test_a_first_attempt_that_finds_nothing_to_do_never_takes_the_target(done: Floor) -> None:
    epoch, attempt = done.ledger.epoch, done.attempt()

    outcome = ended(done.execute(attempt))

    assert (outcome.state, outcome.reason) == (JobState.SUCCEEDED, "nothing_to_do")
    assert done.ledger.epoch == epoch and attempt.job_id not in done.ledger.done


def test_a_later_attempt_takes_it_since_an_earlier_one_may_still_wake_up(done: Floor) -> None:
    first = done.attempt()
    done.portal.run(done.claims.end(first, GivenBack("rescued", "its worker stopped answering", 0)))
    attempt = done.claim(first.job_id)

    outcome = ended(done.execute(attempt))

    assert outcome.reason == "nothing_to_do"
    assert done.ledger.done[attempt.job_id] == outcome, "the earlier one finds this, and frees the target"


def test_while_a_job_holds_the_target_only_the_fence_can_say(done: Floor) -> None:
    attempt = done.attempt()
    done.ledger.sticky = (JobId(uuid.uuid4()), 1)

    assert isinstance(done.execute(attempt), GivenBack)


@pytest.mark.parametrize("kind", [JobKind.RUN, JobKind.ROLLBACK, JobKind.RESET])
def test_whatever_is_to_be_done_is_done_under_the_fence(done: Floor, kind: JobKind) -> None:
    if kind is JobKind.RUN:
        done.ledger.entries.pop("c")
    attempt = done.attempt(kind=kind)

    outcome = ended(done.execute(attempt))

    assert outcome.reason in ("applied", "rolled_back")
    assert done.ledger.done[attempt.job_id] == outcome


def test_what_is_marked_already_needs_no_fence_either(done: Floor) -> None:
    attempt = done.attempt(kind=JobKind.MARK, names=("a",), mark_as=MarkAs.APPLIED)

    assert ended(done.execute(attempt)).reason == "nothing_to_do"
    assert attempt.job_id not in done.ledger.done


def test_a_target_that_cannot_be_asked_is_left_to_those_who_open_it(done: Floor) -> None:
    done.targets.unavailable = BackendUnavailable("nothing listens there")

    given_back = done.execute(done.attempt())

    assert isinstance(given_back, GivenBack) and given_back.reason == "target_unreachable"


def test_a_refusal_is_said_by_who_holds_the_fence(done: Floor) -> None:
    attempt = done.attempt(kind=JobKind.ROLLBACK, count=4)

    outcome = ended(done.execute(attempt))

    assert outcome.reason == "rollback_too_deep"
    assert done.ledger.done[attempt.job_id] == outcome
