"""What a job that was cancelled says of its steps, when an earlier attempt or a lost reply knows more than it does."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.domain.environment import OnFailure
from app.domain.job import GivenBack, JobState
from app.domain.principal import Principal
from app.domain.signals import ConnectionLost, StepFailed
from app.services.stepping import RECONNECTS
from tests.fakes.wishes import MemoryWishes
from tests.services.floor import BROKEN, Floor, ended


class Later(list[Any]):
    """Errors that come once the step has gone well `after` times."""

    def __init__(self, errors: Sequence[BaseException], after: int) -> None:
        super().__init__(errors)
        self._left = after

    def __bool__(self) -> bool:
        self._left -= 1
        return self._left < 0 and len(self) > 0


def test_a_job_that_is_cancelled_between_two_attempts_says_what_the_first_has_done(floor: Floor) -> None:
    attempt = floor.attempt()
    floor.ledger.script["b"] = [ConnectionLost("gone") for _ in range(RECONNECTS + 1)]
    given_back = floor.execute(attempt)
    assert isinstance(given_back, GivenBack)
    floor.portal.run(floor.claims.end(attempt, given_back))
    floor.portal.run(MemoryWishes(floor.store).cancel(attempt.job_id, Principal("ada")))

    outcome = ended(floor.execute(floor.claim(attempt.job_id)))

    assert outcome.state is JobState.CANCELLED and "1 of 3 steps were done before and stay" in outcome.message
    assert [step.state.value for step in floor.job(attempt).steps] == ["applied", "cancelled", "skipped"]
    assert floor.ledger.deeds == [("a", "up")] and floor.ledger.sticky is None


def test_a_job_that_is_cancelled_when_all_is_done_but_the_last_reply_was_lost_has_succeeded(floor: Floor) -> None:
    attempt = floor.attempt()

    def done_without_a_reply() -> ConnectionLost:
        floor.ledger.entries["c"] = replace(floor.ledger.entries["b"], name="c", version="3")
        floor.ledger.steps.add((attempt.job_id, 2))
        floor.watchdog.watched.cancelled_by = "ada"
        return ConnectionLost("no reply to COMMIT")

    floor.ledger.script["c"] = [done_without_a_reply]
    outcome = ended(floor.execute(attempt))

    assert (outcome.state, outcome.reason) == (JobState.SUCCEEDED, "applied")
    assert [step.state.value for step in floor.job(attempt).steps] == ["applied"] * 3


def test_a_job_that_is_cancelled_between_two_attempts_on_its_way_back_says_what_it_has_undone(floor: Floor) -> None:
    attempt = floor.attempt(on_failure=OnFailure.ROLLBACK)
    lost = [ConnectionLost("gone") for _ in range(RECONNECTS + 1)]
    floor.ledger.script["c"] = [StepFailed(BROKEN, 2)]
    floor.ledger.script["a"] = Later(lost, after=1)
    given_back = floor.execute(attempt)
    assert isinstance(given_back, GivenBack)
    floor.portal.run(floor.claims.end(attempt, given_back))
    floor.portal.run(MemoryWishes(floor.store).cancel(attempt.job_id, Principal("ada")))

    outcome = ended(floor.execute(floor.claim(attempt.job_id)))

    assert outcome.state is JobState.FAILED and outcome.error is not None
    assert "cancelled it while its earlier steps were being undone" in str(outcome.error.left_behind)
    assert [step.state.value for step in floor.job(attempt).steps][3:] == ["applied", "cancelled"]
