"""A plan is stale as soon as anything it was bound to has moved, and says what."""

from dataclasses import replace
from uuid import UUID

import pytest

from app.domain.binding import Binding, binding_of, refuse_stale
from app.domain.environment import OutOfOrder
from app.domain.errors import PlanStale
from app.domain.ledger import History, Status
from app.domain.migration import Catalog, Migration
from app.domain.plan import plan_run
from app.domain.step import Plan
from app.domain.undo import plan_rollback
from tests.domain.literals import applied, entry, sql

A, B, C = sql("a", "1"), sql("b", "2"), sql("c", "3")
PLAN_ID, JOB = UUID(int=1), UUID(int=9)


def planned(history: History, *files: Migration) -> Plan:
    return plan_run(Catalog(files), history, OutOfOrder.ALLOW)


def bind(*files: Migration, history: History | None = None, fingerprint: str | None = None) -> Binding:
    history = history or History()
    return binding_of(PLAN_ID, planned(history, *files), history, fingerprint)


def stale(
    binding: Binding, *files: Migration, history: History | None = None, fingerprint: str | None = None
) -> PlanStale:
    history = history or History()
    with pytest.raises(PlanStale) as caught:
        refuse_stale(binding, planned(history, *files), history, fingerprint)
    return caught.value


def changed(error: PlanStale) -> list[tuple[object, object]]:
    by = error.facts["changedBy"]
    assert isinstance(by, dict)
    return [(one["migration"], one["change"]) for one in by["files"]]


def test_the_same_files_and_ledger_are_not_stale() -> None:
    history = applied(A)
    binding = bind(A, B, history=history, fingerprint="f")
    refuse_stale(binding, planned(history, A, B), history, "f")
    assert [(step.name, step.direction) for step in binding.steps] == [("b", "up")]
    assert binding.position == 1


def test_a_fingerprint_is_compared_where_both_sides_have_one() -> None:
    plan, history = planned(History(), A), History()
    refuse_stale(bind(A, fingerprint="f"), plan, history, None)
    refuse_stale(bind(A), plan, history, "f")
    error = stale(bind(A, fingerprint="f"), A, fingerprint="g")
    assert error.facts["changedBy"] == {
        "files": [], "ledger": [], "jobs": [], "schema": {"expected": "f", "actual": "g"},
    }  # fmt: skip
    assert "the schema is another one" in error.detail


def test_a_changed_file_is_named_with_both_checksums() -> None:
    other = sql("a", "1", up="SELECT 2")
    error = stale(bind(A, B), other, B)
    assert changed(error) == [("a", "changed")]
    assert "the file of a was changed" in error.detail
    expected = error.facts["expected"]
    assert isinstance(expected, dict)
    assert expected["differingSteps"] == [f"+ a {A.checksum.raw.hex()[:12]}"]


def test_added_and_removed_files_are_named() -> None:
    error = stale(bind(A, B), A, C)
    assert changed(error) == [("b", "removed"), ("c", "added")]


def test_a_file_that_has_changed_its_place_is_stale() -> None:
    error = stale(bind(A, B), sql("b", "0", up="SELECT 'up'"), A)
    assert "in another order" in error.detail
    assert changed(error) == []


def test_rows_of_the_ledger_since_then_are_named_with_their_jobs() -> None:
    history = History.of([replace(entry(A, 4), job_id=JOB)])
    error = stale(bind(A, B), A, B, history=history)
    by = error.facts["changedBy"]
    assert isinstance(by, dict)
    assert (by["files"], by["jobs"]) == ([], [str(JOB)])
    assert [(row["migration"], row["status"], row["position"]) for row in by["ledger"]] == [("a", "completed", 4)]
    assert f"from 0 to 4 by job {JOB}" in error.detail


def test_a_row_that_changes_no_step_makes_it_stale_all_the_same() -> None:
    before = History.of([entry(A, 1)])
    after = History.of([entry(A, 1), entry(C, 2, Status.ROLLED_BACK)])
    error = stale(bind(A, B, history=before), A, B, history=after)
    assert "the ledger has moved from 1 to 2" in error.detail


def test_a_ledger_that_went_back_is_another_one() -> None:
    error = stale(bind(A, B, history=applied(A)), A, B)
    assert "it was restored, or is another one" in error.detail


def test_a_plan_of_the_way_back_is_bound_to_what_the_ledger_has() -> None:
    catalog, history = Catalog((A, B)), applied(A, B)
    binding = binding_of(PLAN_ID, plan_rollback(catalog, history, 1), history, None)
    refuse_stale(binding, plan_rollback(catalog, history, 1), history)
    with pytest.raises(PlanStale):
        refuse_stale(binding, plan_rollback(catalog, history, 2), history)
