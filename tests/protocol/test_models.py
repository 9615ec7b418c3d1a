"""The protocol holds in every state that it can reach, and each way of weakening it fails by name."""

import pytest

from tests.protocol import model_core, model_full
from tests.protocol.explorer import Explored, explore


def explore_core(variant: model_core.Variant) -> Explored[model_core.State]:
    return explore(model_core.State(), model_core.Model(variant).moves, model_core.violation)


def explore_full(variant: model_full.Variant) -> Explored[model_full.State]:
    return explore(model_full.State(), model_full.Model(variant).moves, model_full.violation)


@pytest.fixture(scope="module")
def fenced() -> Explored[model_core.State]:
    return explore_core(model_core.Variant.FENCE)


@pytest.fixture(scope="module")
def full() -> Explored[model_full.State]:
    return explore_full(model_full.Variant.PROTOCOL)


def test_the_fenced_protocol_has_no_violation_in_all_its_states(fenced: Explored[model_core.State]) -> None:
    assert fenced.violation is None
    assert len(fenced.states) == 47_685


def test_the_fenced_protocol_can_end_the_job_from_wherever_a_worker_lives(
    fenced: Explored[model_core.State],
) -> None:
    stuck = fenced.unable_to_reach(lambda state: state.job_done)
    alive = [
        state
        for state in stuck
        if state.nonces < model_core.MAX_NONCES and any(one.at is not model_core.At.DEAD for one in state.workers)
    ]
    assert alive == []


def test_checking_and_then_acting_applies_a_step_twice() -> None:
    found = explore_core(model_core.Variant.CHECK_THEN_ACT)
    assert found.violation == "a step was applied twice"
    assert found.trace == (
        "w0 is delivered",
        "w0 takes the fence",
        "w0 checks 0",
        "lease lapses",
        "w1 is delivered",
        "w1 takes the fence",
        "w1 checks 0",
        "w0 applies 0",
        "w1 applies 0",
    )


def test_a_ledger_row_without_a_fence_lets_a_superseded_attempt_write() -> None:
    found = explore_core(model_core.Variant.LEDGER_WITHOUT_FENCE)
    assert found.violation == "a superseded attempt is writing"
    assert found.trace == (
        "w0 is delivered",
        "w0 takes the fence",
        "lease lapses",
        "w1 is delivered",
        "w1 takes the fence",
        "w0 begins 0",
    )


def test_a_ledger_row_in_a_transaction_of_its_own_is_lost_with_its_worker() -> None:
    found = explore_core(model_core.Variant.RECORD_APART)
    assert found.violation == "the ledger differs from the schema"
    assert found.trace == ("w0 is delivered", "w0 takes the fence", "w0 begins 0", "w0 commits 0", "w0 dies")


def test_the_whole_protocol_has_no_violation_in_all_its_states(full: Explored[model_full.State]) -> None:
    assert full.violation is None
    assert len(full.states) == 3_671


def test_the_whole_protocol_can_end_the_job_from_wherever_a_worker_may_still_claim_it(
    full: Explored[model_full.State],
) -> None:
    stuck = full.unable_to_reach(lambda state: state.job_ended)
    assert [state for state in stuck if any(one.at is model_full.At.IDLE for one in state.workers)] == []


def test_reading_job_done_before_the_fence_strands_the_target() -> None:
    found = explore_full(model_full.Variant.DONE_CHECK_BEFORE_F1)
    assert found.violation == "the target is stranded: it waits for a job that has ended"
    assert found.trace == (
        "w0 claims attempt 1",
        "w0 sees no job_done",
        "w1 claims attempt 2",
        "w1 sees no job_done",
        "w1 takes the fence",
        "w1 begins 0",
        "w1 commits 0",
        "w1 marks the job done",
        "w0 takes the fence",
        "w0 dies",
        "w1 ends the job",
    )


def test_a_later_attempt_that_ends_without_the_fence_strands_the_target() -> None:
    found = explore_full(model_full.Variant.GLANCE_OF_ANY)
    assert found.violation == "the target is stranded: it waits for a job that has ended"
    assert "w1 sees nothing to do" in found.trace and "w0 takes the fence" in found.trace


def test_ending_the_control_row_first_leaves_a_target_that_does_not_know() -> None:
    found = explore_full(model_full.Variant.CONTROL_ROW_FIRST)
    assert found.violation == "the job has ended and the target does not know"
    assert found.trace[-2:] == ("w0 commits 0", "w0 ends the job")


def test_a_fence_that_does_not_compare_attempts_goes_back_to_an_older_one() -> None:
    found = explore_full(model_full.Variant.NO_ATTEMPT)
    assert found.violation == "an older attempt took the target from a newer one"
    assert found.trace[-2:] == ("w1 takes the fence", "w0 takes the fence")
