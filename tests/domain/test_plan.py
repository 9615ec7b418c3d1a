from dataclasses import replace
from uuid import UUID

import pytest

from app.domain.environment import OutOfOrder
from app.domain.errors import (
    ConflictsOpen,
    Irreversible,
    MigrationsInvalid,
    NewerDependents,
    NotFound,
    PlanStale,
    RollbackTooDeep,
)
from app.domain.failure import Failure, FailureCode
from app.domain.ledger import History, Status
from app.domain.migration import Catalog, Direction, SqlScript
from app.domain.pinned import Pinned, PinnedStep, bind, pin_plan
from app.domain.plan import plan_run
from app.domain.problem import Problem
from app.domain.undo import plan_reset, plan_rollback, plan_rollback_to, undo_of
from tests.domain.literals import applied, entry, names, python, sql

A, B, C, D = sql("a", "1"), sql("b", "2"), sql("c", "3"), sql("d", "4")
ALL = Catalog((A, B, C, D))
REFUSE, WARN, ALLOW = OutOfOrder.REFUSE, OutOfOrder.WARN, OutOfOrder.ALLOW
JOB = UUID(int=99)
EMPTY = History()


def test_a_run_on_an_empty_target_is_every_file_in_order() -> None:
    plan = plan_run(Catalog((C, A, D, B)), EMPTY, REFUSE)
    assert names(plan) == ["a", "b", "c", "d"]
    assert {step.direction for step in plan.steps} == {Direction.UP}


def test_a_run_is_what_is_not_applied_yet() -> None:
    assert names(plan_run(ALL, applied(A, B), REFUSE)) == ["c", "d"]


def test_a_run_takes_up_again_what_was_rolled_back_or_failed() -> None:
    history = History.of([entry(A, 1), entry(B, 3, Status.ROLLED_BACK), entry(C, 2, Status.FAILED)])
    assert names(plan_run(ALL, history, REFUSE)) == ["b", "c", "d"]


def test_a_run_with_nothing_pending_has_no_step() -> None:
    assert plan_run(ALL, applied(A, B, C, D), REFUSE).steps == ()


def test_a_step_carries_what_its_undoing_will_need() -> None:
    needing = sql("e", "5", needs="a", irreversible="rows are gone")
    step = plan_run(Catalog((A, needing)), applied(A), REFUSE).steps[0]
    assert (step.body, step.down, step.dependencies) == (needing.up, needing.down, ("a",))
    assert (step.irreversible, step.checksum) == ("rows are gone", needing.checksum)


@pytest.mark.parametrize("to", ["c", "3"])
def test_a_run_ends_with_the_name_or_version_that_is_asked(to: str) -> None:
    assert names(plan_run(ALL, applied(A), REFUSE, to)) == ["b", "c"]


def test_a_run_to_a_migration_includes_what_it_needs() -> None:
    catalog = Catalog((sql("low", "1", needs="high"), sql("high", "9"), sql("mid", "5")))
    assert names(plan_run(catalog, EMPTY, REFUSE, "low")) == ["mid", "high", "low"]


def test_a_run_to_what_is_applied_already_has_no_step() -> None:
    assert plan_run(ALL, applied(A, B), REFUSE, "b").steps == ()


def test_a_run_to_an_unknown_migration_is_refused() -> None:
    with pytest.raises(NotFound, match="no migration has the name or version 'ghost'"):
        plan_run(ALL, EMPTY, REFUSE, "ghost")


def test_broken_files_are_refused_with_every_problem_at_once() -> None:
    broken = Problem("not_utf8", "the file is not UTF-8", file="x.sql")
    catalog = Catalog((A, sql("e", "1"), sql("f", "6", needs="ghost")), (broken,))
    with pytest.raises(MigrationsInvalid) as refused:
        plan_run(catalog, EMPTY, REFUSE)
    assert [one.code for one in refused.value.problems] == ["not_utf8", "version_collision", "missing_dependency"]
    assert refused.value.detail.startswith("3 problems in the migration files; nothing was run")


def test_a_broken_file_that_is_applied_counts_as_broken_and_not_as_missing() -> None:
    catalog = Catalog((), (Problem("not_utf8", "the file is not UTF-8", file="a.sql"),))
    with pytest.raises(MigrationsInvalid):
        plan_run(catalog, applied(A), REFUSE)


def test_a_changed_file_is_refused_with_both_checksums() -> None:
    changed = sql("a", "1", up="SELECT 'changed'")
    with pytest.raises(ConflictsOpen) as refused:
        plan_run(Catalog((changed, B)), applied(A), REFUSE)
    (problem,) = refused.value.problems
    assert problem.code == "checksum_mismatch"
    assert f"applied {A.checksum.raw.hex()[:12]}, file {changed.checksum.raw.hex()[:12]}" in problem.message


def test_every_disagreement_is_told_at_once() -> None:
    changed = sql("b", "2", up="SELECT 'changed'")
    with pytest.raises(ConflictsOpen) as refused:
        plan_run(Catalog((changed, C, sql("late", "0"))), applied(A, B), REFUSE)
    assert [one.code for one in refused.value.problems] == ["checksum_mismatch", "missing_file", "out_of_order"]
    assert refused.value.detail.startswith("3 disagreements between files and history; nothing was run")


def test_a_change_of_comments_alone_runs_with_a_notice() -> None:
    plan = plan_run(Catalog((sql("a", "1", up="SELECT 'up'--"), B)), applied(A), REFUSE)
    assert names(plan) == ["b"]
    assert plan.notices[0].startswith("a differs only in comments or white space")


def test_a_late_file_runs_with_a_notice_where_the_policy_warns() -> None:
    plan = plan_run(ALL, applied(A, C), WARN)
    assert names(plan) == ["b", "d"]
    assert plan.notices[0].startswith("b (2) is pending but sorts before c (3)")


def test_a_late_file_runs_without_a_word_where_the_policy_allows_it() -> None:
    assert plan_run(ALL, applied(A, C), ALLOW).notices == ()


def test_a_rollback_undoes_the_newest_one() -> None:
    (step,) = plan_rollback(ALL, applied(A, B, C), None).steps
    assert (step.name, step.direction, step.body) == ("c", Direction.DOWN, C.down)


def test_a_rollback_goes_by_the_order_of_applying_and_not_of_versions() -> None:
    assert names(plan_rollback(ALL, applied(A, C, B), 2)) == ["b", "c"]


@pytest.mark.parametrize(("count", "undone"), [(1, ["c"]), (2, ["c", "b"]), (3, ["c", "b", "a"]), (0, [])])
def test_a_rollback_undoes_as_many_as_are_asked(count: int, undone: list[str]) -> None:
    assert names(plan_rollback(ALL, applied(A, B, C), count)) == undone


def test_a_rollback_of_nothing_applied_has_no_step() -> None:
    assert plan_rollback(ALL, EMPTY, None).steps == ()


def test_a_rollback_deeper_than_what_is_applied_is_refused_with_both_numbers() -> None:
    with pytest.raises(RollbackTooDeep, match="3 asked, but 2 migrations applied") as refused:
        plan_rollback(ALL, applied(A, B), 3)
    assert refused.value.facts == {"requested": 3, "applied": 2}
    assert refused.value.next_steps == ("POST /migrations/rollback/2",)


def test_a_rollback_of_one_from_an_empty_target_is_too_deep() -> None:
    with pytest.raises(RollbackTooDeep) as refused:
        plan_rollback(ALL, EMPTY, 1)
    assert refused.value.next_steps == ("GET /migrations",)


def test_an_irreversible_migration_on_the_way_is_refused_before_the_first_step() -> None:
    stuck, why = sql("b", "2", down=None), sql("c", "3", down=None, irreversible="the rows are gone")
    with pytest.raises(Irreversible) as refused:
        plan_rollback(Catalog((A, stuck, why, D)), applied(A, stuck, why, D), 3)
    assert [one.message for one in refused.value.problems] == [
        "b (2) cannot be undone: it has no down, or an empty one",
        "c (3) cannot be undone: the rows are gone",
    ]
    assert "nothing was undone" in refused.value.detail


def test_an_older_migration_that_needs_what_would_be_undone_is_named_with_how_far_to_go() -> None:
    late = sql("late", "2", needs="c")
    with pytest.raises(NewerDependents) as refused:
        plan_rollback(ALL, applied(A, late, B, C), 1)
    assert [one.message for one in refused.value.problems] == ["late is applied and depends on c"]
    assert refused.value.next_steps == ("POST /migrations/rollback/3",)


@pytest.mark.parametrize("to", ["a", "1"])
def test_a_rollback_to_a_migration_leaves_it_applied(to: str) -> None:
    assert names(plan_rollback_to(ALL, applied(A, B, C), to)) == ["c", "b"]


def test_a_rollback_to_the_newest_one_has_no_step() -> None:
    assert plan_rollback_to(ALL, applied(A, B), "b").steps == ()


def test_a_rollback_to_what_is_not_applied_is_refused() -> None:
    with pytest.raises(NotFound, match="no applied migration has the name or version 'd'"):
        plan_rollback_to(ALL, applied(A, B), "d")


def test_a_missing_sql_file_is_undone_with_the_recorded_text_and_says_so() -> None:
    plan = plan_rollback(Catalog((A,)), applied(A, B), 1)
    assert plan.steps[0].body == SqlScript("SELECT 'down'", "(ledger) b")
    assert plan.notices == ("b: the file is gone or has changed; undone with the text it was applied with",)


def test_a_changed_sql_file_is_undone_with_the_recorded_text_and_says_so() -> None:
    plan = plan_rollback(Catalog((A, sql("b", "2", down="DROP TABLE everything"))), applied(A, B), 1)
    assert plan.steps[0].body == SqlScript("SELECT 'down'", "(ledger) b")
    assert len(plan.notices) == 1


def test_an_unchanged_python_file_is_undone_with_its_own_code() -> None:
    file = python("p")
    assert plan_rollback(Catalog((file,)), applied(file), 1).steps[0].body == file.down


def test_a_changed_python_file_is_refused_since_only_it_could_undo_itself() -> None:
    file = python("p")
    with pytest.raises(ConflictsOpen) as refused:
        plan_rollback(Catalog((python("p", text="evil()"),)), applied(file), 1)
    assert refused.value.problems[0].code == "checksum_mismatch"
    assert file.checksum.raw.hex()[:12] in refused.value.detail


def test_a_missing_python_file_is_refused() -> None:
    with pytest.raises(ConflictsOpen) as refused:
        plan_rollback(Catalog(), applied(python("p")), 1)
    assert refused.value.problems[0].code == "missing_file"


def test_a_python_file_that_differs_in_comments_alone_may_undo_itself() -> None:
    now = python("p", text="async def up(c): ...#")
    assert plan_rollback(Catalog((now,)), applied(python("p")), 1).steps[0].body == now.down


def test_a_reset_undoes_everything_newest_first() -> None:
    assert names(plan_reset(ALL, applied(A, B, C))) == ["c", "b", "a"]


def test_a_reset_passes_over_what_says_why_it_cannot_be_undone() -> None:
    stuck = sql("b", "2", down=None, irreversible="the rows are gone")
    plan = plan_reset(Catalog((A, stuck)), applied(A, stuck))
    assert [(step.name, step.body) for step in plan.steps] == [("b", None), ("a", A.down)]
    assert plan.notices == ("b cannot be undone (the rows are gone); it is recorded as rolled back, its effects stay",)


def test_a_reset_refuses_what_just_lacks_a_down() -> None:
    stuck = sql("b", "2", down=None)
    with pytest.raises(Irreversible, match="it has no down, or an empty one"):
        plan_reset(Catalog((A, stuck)), applied(A, stuck))


def test_what_is_pinned_is_bound_to_the_same_steps() -> None:
    plan = plan_run(ALL, applied(A), REFUSE)
    assert bind(pin_plan(plan), ALL, applied(A), JOB) == plan.steps


def test_a_pinned_undo_is_bound_to_the_same_steps() -> None:
    plan = plan_rollback(ALL, applied(A, B, C), 2)
    assert bind(pin_plan(plan), ALL, applied(A, B, C), JOB) == plan.steps


def test_a_pinned_undo_is_bound_also_where_it_has_been_done_since() -> None:
    plan = plan_rollback(ALL, applied(A, B), 1)
    after = History.of([entry(A, 1), entry(B, 3, Status.ROLLED_BACK)])
    assert bind(pin_plan(plan), ALL, after, JOB) == plan.steps


def test_a_file_that_changed_after_it_was_pinned_makes_the_plan_stale() -> None:
    pinned = pin_plan(plan_run(ALL, EMPTY, REFUSE))
    changed = sql("b", "2", up="SELECT 'changed'")
    with pytest.raises(PlanStale) as refused:
        bind(pinned, Catalog((A, changed, C, D)), EMPTY, JOB)
    assert refused.value.facts["expected"] == B.checksum.raw.hex()
    assert refused.value.facts["actual"] == changed.checksum.raw.hex()[:12]


def test_a_file_that_went_after_it_was_pinned_makes_the_plan_stale() -> None:
    with pytest.raises(PlanStale, match="but now there is no file"):
        bind(pin_plan(plan_run(ALL, EMPTY, REFUSE)), Catalog((A,)), EMPTY, JOB)


def test_a_step_that_this_job_has_applied_needs_its_file_no_more() -> None:
    pinned = pin_plan(plan_run(Catalog((A,)), EMPTY, REFUSE))
    done = History.of([replace(entry(A, 1), job_id=JOB)])
    (step,) = bind(pinned, Catalog(), done, JOB)
    assert (step.body, step.down) == (None, SqlScript("SELECT 'down'", "(ledger) a"))


def test_an_undo_whose_ledger_row_is_gone_is_stale_and_never_turns_into_an_up() -> None:
    with pytest.raises(PlanStale, match="the ledger no longer has it"):
        bind(pin_plan(plan_rollback(ALL, applied(A), 1)), ALL, EMPTY, JOB)


def test_what_was_done_is_taken_back_newest_first() -> None:
    done = plan_run(Catalog((A, B)), EMPTY, REFUSE).steps
    assert [(step.name, step.direction, step.body) for step in undo_of(done)] == [
        ("b", Direction.DOWN, B.down),
        ("a", Direction.DOWN, A.down),
    ]


def test_what_has_no_way_back_is_left_as_it_is() -> None:
    done = plan_run(Catalog((A, sql("b", "2", down=None))), EMPTY, REFUSE).steps
    assert [step.name for step in undo_of(done)] == ["a"]


def test_steps_down_are_not_taken_back() -> None:
    assert undo_of(plan_rollback(ALL, applied(A, B), 2).steps) == ()


def test_a_failure_cuts_the_pinned_plan_there_and_adds_the_way_back() -> None:
    plan = plan_run(ALL, EMPTY, REFUSE)
    failure = Failure(FailureCode.SQL_ERROR, "no such table")
    pinned = replace(pin_plan(plan), notices=("said before",))
    failed = pinned.failed_at(2, failure, undo_of(plan.steps[:2]))
    assert [(step.name, step.direction.value) for step in failed.steps] == [
        ("a", "up"), ("b", "up"), ("c", "up"), ("b", "down"), ("a", "down"),
    ]  # fmt: skip
    assert (failed.failure, failed.failed_ordinal, failed.notices) == (failure, 2, ("said before",))


def test_a_pinned_step_holds_the_checksum_in_hex_and_no_text() -> None:
    assert pin_plan(plan_run(Catalog((A,)), EMPTY, REFUSE)) == Pinned(
        (PinnedStep("a", "1", Direction.UP, A.checksum.raw.hex()),)
    )


def test_ten_thousand_migrations_are_planned_each_once() -> None:
    many = tuple(sql(f"m{i}", str(i), needs=f"m{i - 1}" if i else "") for i in range(10_000))
    assert names(plan_run(Catalog(many[::-1]), applied(*many[:5_000]), REFUSE)) == [
        one.name for one in many[5_000:]
    ]  # fmt: skip
