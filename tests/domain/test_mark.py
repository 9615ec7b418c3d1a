"""What is recorded without being run: which steps, and what forbids them."""

from dataclasses import replace
from uuid import UUID

import pytest

from app.domain.errors import CannotMark, NewerDependents, NotFound, PlanStale
from app.domain.ledger import UNCERTAIN, History, Status
from app.domain.mark import plan_baseline, plan_marks, plan_settling
from app.domain.migration import Catalog, Direction
from app.domain.pinned import bind, pin_plan
from app.domain.settling import MarkAs, Resolution, Settling
from app.domain.step import Deed, Plan
from tests.domain.literals import applied, entry, names, sql

A, B, C = sql("a", "1"), sql("b", "2", needs="a"), sql("c", "3")
FILES = Catalog((A, B, C))
CHANGED = sql("a", "1", up="SELECT 'changed'")
JOB = UUID(int=7)
SINGLE = (MarkAs.APPLIED, MarkAs.ROLLED_BACK)


def accepting(checksum: bytes) -> Settling:
    return Settling(UUID(int=1), Resolution.ACCEPT_FILE, "a", checksum.hex())


def test_marked_as_applied_in_their_order_and_nothing_is_executed() -> None:
    plan = plan_marks(FILES, History(), ["c", "b", "a"], MarkAs.APPLIED)
    assert names(plan) == ["a", "b", "c"]
    assert {(step.deed, step.direction) for step in plan.steps} == {(Deed.MARKED, Direction.UP)}


def test_what_is_recorded_so_already_is_left_out() -> None:
    assert names(plan_marks(FILES, applied(A), ["a", "c"], MarkAs.APPLIED)) == ["c"]
    assert names(plan_marks(FILES, applied(A), ["a", "c"], MarkAs.ROLLED_BACK)) == ["a"]


def test_marked_as_rolled_back_newest_first_with_a_file_or_without() -> None:
    plan = plan_marks(Catalog((B,)), applied(A, B), ["a", "b"], MarkAs.ROLLED_BACK)
    assert names(plan) == ["b", "a"]
    assert {(step.deed, step.direction, step.body) for step in plan.steps} == {(Deed.MARKED, Direction.DOWN, None)}


@pytest.mark.parametrize("mark_as", SINGLE)
def test_a_name_that_nothing_bears_is_refused_with_the_nearest(mark_as: MarkAs) -> None:
    with pytest.raises(NotFound) as refused:
        plan_marks(Catalog((sql("orders"),)), History(), ["order"], mark_as)
    assert refused.value.facts["didYouMean"] == ["orders"]


def test_a_mark_that_would_contradict_the_dependencies_is_refused() -> None:
    with pytest.raises(CannotMark, match="b depends on a, which is not applied"):
        plan_marks(FILES, History(), ["b"], MarkAs.APPLIED)
    with pytest.raises(NewerDependents, match="b is applied and depends on a"):
        plan_marks(FILES, applied(A, B), ["a"], MarkAs.ROLLED_BACK)


def test_what_nobody_can_tell_is_said_by_a_mark_either_way() -> None:
    half_built = replace(entry(A, 1, Status.FAILED), error_message=f"{UNCERTAIN}perhaps")
    half_dropped = replace(entry(A, 1), error_message=f"{UNCERTAIN}perhaps")
    for known in (half_built, half_dropped):
        for mark_as in SINGLE:
            assert names(plan_marks(FILES, History.of([known]), ["a"], mark_as)) == ["a"]


def test_a_baseline_takes_everything_up_to_where_history_starts() -> None:
    plan = plan_baseline(FILES, History(), "b")
    assert (names(plan), {step.deed for step in plan.steps}) == (["a", "b"], {Deed.BASELINED})
    assert names(plan_marks(FILES, History(), [], MarkAs.BASELINE)) == ["a", "b", "c"]


def test_a_history_that_has_started_cannot_start_again() -> None:
    with pytest.raises(CannotMark, match=r"has a history already \(the newest is b\)"):
        plan_baseline(FILES, applied(A, B), None)


def test_an_accepted_file_takes_the_place_of_the_one_that_was_applied() -> None:
    (step,) = plan_settling(Catalog((CHANGED,)), applied(A), accepting(CHANGED.checksum.raw)).steps
    assert (step.deed, step.checksum, step.replaces) == (Deed.ACCEPTED, CHANGED.checksum, A.checksum.raw)


def test_another_file_than_the_one_looked_at_is_not_accepted() -> None:
    for files in (Catalog((CHANGED,)), Catalog()):
        with pytest.raises(PlanStale, match="look at it again"):
            plan_settling(files, applied(A), accepting(b"another"))


def test_a_file_of_something_not_applied_is_not_accepted() -> None:
    history = History.of([entry(A, 1, Status.ROLLED_BACK)])
    with pytest.raises(PlanStale, match="no longer applied"):
        plan_settling(Catalog((CHANGED,)), history, accepting(CHANGED.checksum.raw))


def test_a_file_that_the_ledger_has_already_needs_nothing() -> None:
    assert plan_settling(Catalog((A,)), applied(A), accepting(A.checksum.raw)) == Plan()


@pytest.mark.parametrize("plan", [
    plan_marks(FILES, History(), ["a"], MarkAs.APPLIED), plan_marks(FILES, applied(A), ["a"], MarkAs.ROLLED_BACK),
    plan_settling(Catalog((A,)), applied(CHANGED), accepting(A.checksum.raw)),
])  # fmt: skip
def test_a_pinned_mark_is_the_same_mark_again(plan: Plan) -> None:
    assert bind(pin_plan(plan), FILES, applied(A), JOB) == plan.steps
