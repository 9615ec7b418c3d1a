"""The executor over fakes: what it does about locks, lost connections, other holders and crashes."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from app.domain.environment import OnFailure
from app.domain.errors import BackendUnavailable, BackendUnusable, TargetBusy
from app.domain.failure import Failure, FailureCode
from app.domain.job import Attempt, Ended, GivenBack, JobId, JobKind, JobRequest, JobState, Origin, Superseded
from app.domain.principal import Principal
from app.domain.settling import MarkAs, Resolution, Settling
from app.domain.signals import ConnectionLost, LockNotAvailable, StepFailed, TransactionEnded
from app.domain.step import Atomicity
from app.ports import NewJob
from tests.fakes.jobs import MemoryJobs
from tests.fakes.wishes import MemoryWishes
from tests.services.floor import BROKEN, LOCKED, Floor, ended
from tests.support.eventually import eventually


def test_a_run_does_every_step_once_and_frees_the_target(floor: Floor) -> None:
    attempt = floor.attempt()

    outcome = ended(floor.execute(attempt))

    assert (outcome.state, outcome.reason) == (JobState.SUCCEEDED, "applied")
    assert floor.ledger.deeds == [("a", "up"), ("b", "up"), ("c", "up")]
    assert floor.ledger.sticky is None and floor.ledger.done[attempt.job_id] == outcome
    assert [step.state.value for step in floor.job(attempt).steps] == ["applied"] * 3


def test_a_lock_is_tried_again_with_growing_pauses_and_then_given_up(floor: Floor) -> None:
    floor.ledger.script["b"] = [LockNotAvailable(LOCKED) for _ in range(3)]
    before = floor.clock.now()

    outcome = ended(floor.execute(floor.attempt()))

    assert (outcome.state, outcome.reason) == (JobState.FAILED, "lock_timeout")
    assert (floor.clock.now() - before).total_seconds() == pytest.approx(0.5 * 2 + 0.5 * 4)
    assert floor.ledger.deeds == [("a", "up")]


def test_a_lock_that_is_free_in_time_is_no_failure(floor: Floor) -> None:
    floor.ledger.script["b"] = [LockNotAvailable(LOCKED), LockNotAvailable(LOCKED)]

    assert ended(floor.execute(floor.attempt())).state is JobState.SUCCEEDED


def test_a_lost_connection_is_made_again_a_few_times_and_then_the_job_goes_back(floor: Floor) -> None:
    floor.ledger.script["b"] = [ConnectionLost("gone") for _ in range(6)]
    attempt = floor.attempt()

    given_back = floor.execute(attempt)

    assert isinstance(given_back, GivenBack) and given_back.reason == "connection_lost"
    floor.portal.run(floor.claims.end(attempt, given_back))
    assert ended(floor.execute(floor.claim(attempt.job_id))).state is JobState.SUCCEEDED
    assert floor.ledger.deeds == [("a", "up"), ("b", "up"), ("c", "up")]


def test_the_steps_before_a_failed_one_stay_and_the_rest_does_not_start(floor: Floor) -> None:
    floor.ledger.script["b"] = [StepFailed(BROKEN, 1)]
    attempt = floor.attempt()

    outcome = ended(floor.execute(attempt))

    assert (outcome.state, outcome.reason) == (JobState.FAILED, "sql_error")
    assert outcome.error is not None and "the migration before it in this job stays done" in outcome.error.left_behind
    assert [step.state.value for step in floor.job(attempt).steps] == ["applied", "failed", "skipped"]


def test_on_failure_rollback_goes_the_way_back(floor: Floor) -> None:
    floor.ledger.script["c"] = [StepFailed(BROKEN, 2)]

    outcome = ended(floor.execute(floor.attempt(on_failure=OnFailure.ROLLBACK)))

    assert outcome.state is JobState.FAILED
    assert floor.ledger.deeds == [("a", "up"), ("b", "up"), ("b", "down"), ("a", "down")]


def test_a_way_back_that_was_interrupted_goes_on_and_never_forward_again(floor: Floor) -> None:
    floor.ledger.script["c"] = [StepFailed(BROKEN, 2)]
    attempt = floor.attempt(on_failure=OnFailure.ROLLBACK)
    ended(floor.execute(attempt))
    # as if the worker had died before it could mark the end, in the target or in the control database
    floor.ledger.done.clear()
    floor.ledger.sticky = (attempt.job_id, attempt.number)
    floor.portal.run(floor.claims.end(attempt, GivenBack("connection_lost", "gone")))

    again = ended(floor.execute(floor.claim(attempt.job_id)))

    assert again.state is JobState.FAILED and again.error is not None
    assert floor.ledger.deeds == [("a", "up"), ("b", "up"), ("b", "down"), ("a", "down")]


def test_an_undo_that_fails_says_what_was_left(floor: Floor) -> None:
    floor.ledger.script["c"] = [StepFailed(BROKEN, 2)]
    attempt = floor.attempt(on_failure=OnFailure.ROLLBACK)
    undoing = Failure(FailureCode.SQL_ERROR, "no way back", migration="b")

    class Fails(list[BaseException]):
        """The up of b succeeds; its down does not."""

        def __bool__(self) -> bool:
            return ("b", "up") in floor.ledger.deeds

    floor.ledger.script["b"] = Fails([StepFailed(undoing, 3)])

    outcome = ended(floor.execute(attempt))

    assert outcome.error is not None
    assert "undoing it failed too, in b" in outcome.error.left_behind


def test_all_at_once_takes_everything_back_by_itself(floor: Floor) -> None:
    floor.ledger.script["c"] = [StepFailed(BROKEN, 2)]

    outcome = ended(floor.execute(floor.attempt(atomic=Atomicity.RUN)))

    assert outcome.state is JobState.FAILED and floor.ledger.deeds == []


def test_a_script_that_ended_its_transaction_needs_a_person(floor: Floor) -> None:
    over = Failure(FailureCode.TRANSACTION_ENDED, "it ended", safe_to_retry=False)
    floor.ledger.script["b"] = [TransactionEnded(over, 1)]

    outcome = ended(floor.execute(floor.attempt(on_failure=OnFailure.ROLLBACK)))

    assert (outcome.state, outcome.reason) == (JobState.NEEDS_ATTENTION, "transaction_ended")
    assert floor.ledger.deeds == [("a", "up")]


def test_a_target_that_another_job_holds_gives_the_job_back_and_is_on_record(floor: Floor) -> None:
    other = NewJob(JobId(floor.clock.new_id()), JobRequest(JobKind.RUN, "elsewhere"), Origin(), "goes on")
    floor.portal.run(MemoryJobs(floor.store).add(other))
    floor.ledger.sticky = (other.id, 1)

    outcome = floor.execute(floor.attempt())

    assert isinstance(outcome, GivenBack) and outcome.reason == "for_target"
    assert [record.collision.kind.value for record in floor.log._records.values()] == ["lock_contention"]


def test_a_target_that_nobody_will_go_on_with_is_stranded_and_one_record_however_many_wait(floor: Floor) -> None:
    gone = floor.clock.new_id()
    floor.ledger.sticky = (gone, 3)
    attempt = floor.attempt()

    assert isinstance(floor.execute(attempt), GivenBack)
    assert isinstance(floor.execute(attempt), GivenBack)

    (record,) = floor.log._records.values()
    assert (record.collision.kind.value, record.count, record.collision.other_job_id) == ("stranded_target", 2, gone)
    assert record.collision.evidence["inControlDatabase"] == "unknown"


def test_a_job_that_has_ended_in_the_control_database_alone_has_stranded_its_target(floor: Floor) -> None:
    attempt = floor.attempt()
    floor.portal.run(floor.claims.end(attempt, Ended(JobState.SUCCEEDED, "applied", "so it is said")))
    floor.ledger.sticky = (attempt.job_id, 1)

    assert isinstance(floor.execute(floor.attempt()), GivenBack)

    (record,) = floor.log._records.values()
    assert record.collision.kind.value == "stranded_target"
    assert record.collision.evidence["inControlDatabase"] == "succeeded"


def releasing(stranded: UUID) -> dict[str, Any]:
    settling = Settling(UUID(int=1), Resolution.RELEASE_TARGET, stranded=stranded)
    return {"kind": JobKind.RESOLVE, "settling": settling, "note": "the server burnt down"}


def test_a_release_frees_the_target_and_says_in_it_who_did_it_and_why(floor: Floor) -> None:
    gone = floor.clock.new_id()
    floor.ledger.sticky = (gone, 3)

    outcome = ended(floor.execute(floor.attempt(**releasing(gone))))

    assert (outcome.state, outcome.reason) == (JobState.SUCCEEDED, "released")
    assert floor.ledger.sticky is None
    said = floor.ledger.done[gone]
    assert said.state is JobState.NEEDS_ATTENTION
    assert "anonymous" in said.message and "the server burnt down" in said.message


def test_a_job_that_goes_on_is_not_released_from_its_target(floor: Floor) -> None:
    other = NewJob(JobId(floor.clock.new_id()), JobRequest(JobKind.RUN, "elsewhere"), Origin(), "goes on")
    floor.portal.run(MemoryJobs(floor.store).add(other))
    floor.ledger.sticky = (other.id, 1)

    with pytest.raises(TargetBusy, match="goes on by itself"):
        floor.execute(floor.attempt(**releasing(other.id)))

    assert floor.ledger.sticky == (other.id, 1)


def test_a_mark_is_recorded_in_one_go_and_runs_nothing(floor: Floor) -> None:
    attempt = floor.attempt(
        kind=JobKind.MARK, names=("a", "b"), mark_as=MarkAs.APPLIED, atomic=Atomicity.RUN, note="it was there"
    )

    outcome = ended(floor.execute(attempt))

    assert (outcome.state, outcome.reason) == (JobState.SUCCEEDED, "marked")
    assert outcome.message == "2 migrations recorded and not run in development"
    assert floor.ledger.deeds == []
    assert floor.ledger.events == [(name, "marked", "anonymous", "it was there") for name in ("a", "b")]
    assert [step.state.value for step in floor.job(attempt).steps] == ["applied", "applied"]


def test_an_attempt_that_is_over_says_nothing_more(floor: Floor) -> None:
    attempt = floor.attempt()
    floor.portal.run(floor.claims.end(attempt, GivenBack("rescued", "lapsed")))

    outcome = floor.execute(attempt)

    assert isinstance(outcome, Superseded)
    assert [record.collision.kind.value for record in floor.log._records.values()] == ["fenced"]
    assert floor.ledger.deeds == []


def test_redis_away_leaves_the_decision_to_the_fence(floor: Floor) -> None:
    floor.leases.reachable = False

    assert ended(floor.execute(floor.attempt())).state is JobState.SUCCEEDED


def test_a_target_that_is_away_is_waited_for_as_long_as_patience_lasts(floor: Floor) -> None:
    floor.targets.unavailable = BackendUnavailable("nothing listens there")
    attempt = floor.attempt()
    floor.clock.advance(7_200)  # in the queue: nobody has tried to reach the target
    assert isinstance(floor.execute(attempt), GivenBack)

    floor.portal.run(floor.claims.end(attempt, GivenBack("target_unreachable", "nothing listens there")))
    floor.clock.advance(3_601)
    outcome = ended(floor.execute(floor.claim(attempt.job_id)))
    assert (outcome.state, outcome.reason) == (JobState.FAILED, "target_unreachable")


def test_a_target_that_refuses_us_fails_the_job_at_once(floor: Floor) -> None:
    floor.targets.unavailable = BackendUnusable("the password is wrong", next_steps=("correct it",))

    outcome = ended(floor.execute(floor.attempt()))

    assert (outcome.state, outcome.reason) == (JobState.FAILED, "target_unusable")
    assert outcome.error is not None and outcome.error.next_steps == ("correct it",)


def test_a_job_that_killed_its_worker_too_often_is_not_started_again(floor: Floor) -> None:
    attempt = floor.attempt()
    for _ in range(10):
        floor.portal.run(floor.claims.started(attempt, 1))

    outcome = ended(floor.execute(attempt))

    assert (outcome.state, outcome.reason) == (JobState.FAILED, "crashed")
    assert floor.ledger.deeds == []


def test_a_refusal_found_under_the_fence_ends_the_job_with_its_name(floor: Floor) -> None:
    outcome = ended(floor.execute(floor.attempt(kind=JobKind.ROLLBACK, count=5)))

    assert (outcome.state, outcome.reason) == (JobState.FAILED, "rollback_too_deep")
    assert floor.ledger.sticky is None


def test_a_job_that_holds_its_target_is_given_back_whatever_the_target_answers(floor: Floor) -> None:
    floor.ledger.script["b"] = [BackendUnusable("permission denied")]
    attempt = floor.attempt()

    outcome = floor.execute(attempt)

    assert isinstance(outcome, GivenBack)
    assert floor.ledger.sticky == (attempt.job_id, 1)
    floor.portal.run(floor.claims.end(attempt, outcome))
    assert ended(floor.execute(floor.claim(attempt.job_id))).state is JobState.SUCCEEDED


def test_a_watchdog_that_has_lost_the_job_stops_it_before_its_next_step(floor: Floor) -> None:
    attempt = floor.attempt()

    class Overtaken(list[BaseException]):
        """While b runs, the sweeper gives the job to somebody else."""

        def __bool__(self) -> bool:
            floor.store.change(floor.store.rows[attempt.job_id], state=JobState.QUEUED, reason="rescued")
            watch_until_lost(floor)
            return False

    floor.ledger.script["b"] = Overtaken()

    assert isinstance(floor.execute(attempt), Superseded)
    assert floor.ledger.deeds == [("a", "up"), ("b", "up")]


def watch_until_lost(floor: Floor) -> None:
    """The watchdog of this floor beats every few ms, on a thread of its own."""
    eventually(lambda: floor.watchdog.lost)


def cancel(floor: Floor, attempt: Attempt) -> None:
    floor.portal.run(MemoryWishes(floor.store).cancel(attempt.job_id, Principal("ada")))


def test_a_job_that_is_cancelled_before_its_attempt_does_nothing_and_frees_the_target(floor: Floor) -> None:
    attempt = floor.attempt()
    floor.portal.run(floor.claims.started(attempt, 1))
    floor.portal.run(floor.claims.end(attempt, GivenBack("connection_lost", "gone")))
    cancel(floor, attempt)

    outcome = ended(floor.execute(floor.claim(attempt.job_id)))

    assert (outcome.state, outcome.reason) == (JobState.CANCELLED, "by_user")
    assert "cancelled by ada; nothing was changed" in outcome.message
    assert floor.ledger.deeds == [] and floor.ledger.sticky is None


def test_a_job_that_is_cancelled_while_it_waits_for_a_lock_tries_no_more(floor: Floor) -> None:
    attempt = floor.attempt()

    async def seen_by_the_lookout(seconds: float) -> None:
        cancel_now = MemoryWishes(floor.store).cancel(attempt.job_id, Principal("ada"))
        await cancel_now
        for _ in range(1000):
            await asyncio.sleep(0.01)
            if floor.watchdog.watched.cancelled_by is not None:
                return

    floor.ledger.script["b"] = [LockNotAvailable(LOCKED) for _ in range(5)]
    floor.clock.pause = seen_by_the_lookout  # type: ignore[method-assign]
    outcome = ended(floor.execute(attempt))

    assert outcome.state is JobState.CANCELLED and "1 of 3 steps were done before and stay" in outcome.message
    assert len(floor.ledger.script["b"]) == 4, "it was tried once"
    assert [step.state.value for step in floor.job(attempt).steps] == ["applied", "cancelled", "skipped"]
    assert floor.ledger.sticky is None


def test_a_statement_that_was_interrupted_for_a_cancel_is_no_failure(floor: Floor) -> None:
    interrupted = Failure(FailureCode.SQL_ERROR, "canceling statement due to user request", sqlstate="57014")
    attempt = floor.attempt()

    def cancelled_meanwhile() -> StepFailed:
        floor.watchdog.watched.cancelled_by = "ada"
        return StepFailed(interrupted, 0)

    floor.ledger.script["a"] = [cancelled_meanwhile]
    outcome = ended(floor.execute(attempt))

    assert outcome.state is JobState.CANCELLED
    assert floor.ledger.entries == {}, "the ledger says nothing of it"


def test_a_statement_that_was_interrupted_by_somebody_else_is_a_failure(floor: Floor) -> None:
    interrupted = Failure(FailureCode.STATEMENT_TIMEOUT, "canceling statement", sqlstate="57014")
    floor.ledger.script["a"] = [StepFailed(interrupted, 0)]

    assert ended(floor.execute(floor.attempt())).reason == "statement_timeout"
