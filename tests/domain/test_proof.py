"""The verdict on a migration, from what was seen of it; and what a run is refused for."""

from dataclasses import replace
from uuid import UUID

import pytest

from app.domain.environment import OutOfOrder
from app.domain.errors import ConflictsOpen, NotFound, ProofMissing
from app.domain.failure import Failure, FailureCode
from app.domain.job import JobKind, JobRequest
from app.domain.ledger import History
from app.domain.mark import step_marked
from app.domain.migration import Catalog, Checksum
from app.domain.proof import (
    NO_PROOFS,
    Cycle,
    Judgement,
    KnownProofs,
    Proof,
    RowLoss,
    Rows,
    Verdict,
    judge,
    losses_between,
    proof_of,
    refuse_unproven,
)
from app.domain.proof_plan import plan_proof
from app.domain.schema import EMPTY, SchemaObject, Snapshot
from app.domain.step import step_up
from app.domain.undo import undo_of
from tests.domain.literals import applied, entry, sql

TABLE = SchemaObject("table", "public.a", {})
INDEX = SchemaObject("index", "public.i", {"of": "public.a", "definition": "CREATE INDEX i ON public.a (id)"})
WITHOUT, WITH = EMPTY, Snapshot.of([TABLE])
LEFT = Snapshot.of([TABLE, INDEX])
BROKEN = Failure(FailureCode.SQL_ERROR, "it broke", file="a.sql", line=7)
STEP = step_up(sql("a"))
JOB = UUID(int=1)
RUN = JobRequest(JobKind.RUN, "staging")


def verdict(cycle: Cycle) -> Verdict:
    return judge(STEP, cycle).verdict


def test_what_is_restored_and_comes_again_is_proven() -> None:
    assert verdict(Cycle(WITHOUT, None, WITH, None, WITHOUT, None, WITH)) is Verdict.PROVEN


def test_the_order_of_columns_makes_no_other_schema() -> None:
    first, second = (
        Snapshot.of([TABLE, SchemaObject("column", "public.a.x", {"of": "public.a", "type": "int", "position": n})])
        for n in (1, 2)
    )
    assert verdict(Cycle(first, None, WITH, None, second, None, WITH)) is Verdict.PROVEN


def test_what_a_down_leaves_is_a_difference() -> None:
    judged = judge(STEP, Cycle(WITH, None, LEFT, None, LEFT, None, LEFT))
    assert judged.verdict is Verdict.NOT_RESTORED
    assert "1 difference: index public.i was not expected" in judged.text
    assert [one.identity for one in judged.differences] == ["public.i"]


def test_an_up_that_gives_something_else_the_second_time_is_not_proven() -> None:
    judged = judge(STEP, Cycle(WITHOUT, None, WITH, None, WITHOUT, None, LEFT))
    assert judged.verdict is Verdict.NOT_RESTORED and "applied again it gives another schema" in judged.text


@pytest.mark.parametrize(
    ("cycle", "expected", "text"),
    [
        (Cycle(WITHOUT, BROKEN), Verdict.UP_FAILS, "its up fails: a.sql:7: it broke"),
        (Cycle(WITHOUT, None, WITH, BROKEN, WITH), Verdict.DOWN_FAILS, "its down fails: a.sql:7: it broke"),
        (
            Cycle(WITHOUT, None, WITH, None, WITHOUT, BROKEN, WITHOUT),
            Verdict.UP_FAILS,
            "after its down it cannot be applied again: a.sql:7: it broke",
        ),
    ],
)
def test_a_failure_is_the_verdict_with_its_place(cycle: Cycle, expected: Verdict, text: str) -> None:
    judged = judge(STEP, cycle)
    assert (judged.verdict, judged.text, judged.failure) == (expected, text, BROKEN)


def test_without_a_down_it_is_irreversible_with_its_reason_and_what_it_leaves() -> None:
    blank, said = step_up(sql("a", down=None)), step_up(sql("a", down=None, irreversible="mails are sent"))
    assert judge(blank, Cycle(WITHOUT, None, WITHOUT)).text == "it has no down, or an empty one"
    judged = judge(said, Cycle(WITHOUT, None, WITH))
    assert judged.verdict is Verdict.IRREVERSIBLE
    assert judged.text == "mails are sent; its up leaves 1 difference: table public.a was not expected"


def test_rows_count_only_once_the_schema_is_restored() -> None:
    lost, added = RowLoss("public.a", 3, 2, 0), RowLoss("public.a", 3, 0, 1)
    whole = Cycle(WITHOUT, None, WITH, None, WITHOUT, None, WITH, (lost,))
    assert judge(STEP, whole).text == "after its down 2 of 3 rows of public.a are gone or changed"
    assert judge(STEP, whole).verdict is Verdict.ROWS_LOST
    assert verdict(Cycle(WITHOUT, None, WITH, None, WITH, None, WITH, (lost,))) is Verdict.NOT_RESTORED
    more = judge(STEP, Cycle(WITHOUT, None, WITH, None, WITHOUT, None, WITH, (added,)))
    assert (more.verdict, more.text) == (Verdict.NOT_RESTORED, "after its down public.a has 1 row more than before")


def test_rows_are_compared_where_a_table_stands_on_both_sides_with_the_same_columns() -> None:
    before = {"a": Rows(("x",), ("1", "2", "2")), "b": Rows(("x",), ("1",)), "gone": Rows((), ("1",))}
    after = {"a": Rows(("x",), ("1", "2", "9")), "b": Rows(("x", "y"), ("7",)), "new": Rows((), ("1",))}
    assert losses_between(before, after) == (RowLoss("a", 3, 1, 1),)
    assert losses_between(before, before) == ()


def proofs(*verdicts: tuple[str, Verdict]) -> KnownProofs:
    made = [proof_of(step_up(sql(name)), Judgement(one, "because"), "staging", JOB, "15.1") for name, one in verdicts]
    return KnownProofs({proof.key: proof for proof in made})


def test_a_run_is_refused_with_every_migration_that_is_not_proven_and_why() -> None:
    steps = [step_up(sql(name)) for name in ("a", "b", "c")]
    known = proofs(("a", Verdict.PROVEN), ("b", Verdict.ROWS_LOST))
    with pytest.raises(ProofMissing) as refused:
        refuse_unproven(RUN, steps, known)
    assert [(one.migration, one.message) for one in refused.value.problems] == [
        ("b", "b is not proven (rows_lost): because"),
        ("c", "c has not been proven as it is now"),
    ]
    assert "2 migrations have none" in refused.value.detail
    assert refused.value.next_steps == ("POST /migrations/verify", "POST /migrations/run")


def test_a_sync_is_told_to_ask_for_the_sync_again() -> None:
    with pytest.raises(ProofMissing) as refused:
        refuse_unproven(replace(RUN, kind=JobKind.SYNC, source="development"), [STEP], NO_PROOFS)
    assert refused.value.next_steps == ("POST /migrations/verify", "POST /environments/staging/sync")


def test_a_proof_is_of_one_text_alone() -> None:
    changed = step_up(sql("a", up="SELECT 'other'"))
    with pytest.raises(ProofMissing):
        refuse_unproven(RUN, [changed], proofs(("a", Verdict.PROVEN)))
    assert proofs(("a", Verdict.PROVEN)).of("a", changed.checksum.raw.hex()) is None
    assert NO_PROOFS.of("a", None) is None


def test_what_is_undone_or_only_recorded_needs_no_proof() -> None:
    refuse_unproven(RUN, [*undo_of([STEP]), step_marked(sql("b"))], NO_PROOFS)
    refuse_unproven(RUN, [STEP], proofs(("a", Verdict.PROVEN)))
    assert proofs(("a", Verdict.PROVEN)).of("a", STEP.checksum.raw.hex()) is not None


A, B, C = sql("a", "1"), sql("b", "2"), sql("c", "3")


def test_all_that_is_pending_is_tried_in_the_order_of_a_run() -> None:
    plan = plan_proof(Catalog((C, B, A)), applied(A), OutOfOrder.REFUSE)
    assert ([step.name for step in plan.steps], set(plan.asked)) == (["b", "c"], {"b", "c"})


def test_chosen_ones_bring_along_what_comes_before_them() -> None:
    plan = plan_proof(Catalog((A, B, C)), History(), OutOfOrder.REFUSE, ["b"])
    assert ([step.name for step in plan.steps], set(plan.asked)) == (["a", "b"], {"b"})


def test_what_is_applied_is_named_and_not_tried() -> None:
    plan = plan_proof(Catalog((A, B)), applied(A), OutOfOrder.REFUSE, ["a", "a"])
    assert plan.steps == () and len(plan.notices) == 1 and "a is applied already" in plan.notices[0]


def test_unknown_names_and_disagreements_are_refused() -> None:
    with pytest.raises(NotFound):
        plan_proof(Catalog((A,)), History(), OutOfOrder.REFUSE, ["x"])
    changed = History.of([entry(sql("a", "1", up="SELECT 'other'"), 1)])
    with pytest.raises(ConflictsOpen):
        plan_proof(Catalog((A,)), changed, OutOfOrder.REFUSE)


def test_a_proof_keeps_the_first_differences_and_counts_all() -> None:
    many = Snapshot.of([SchemaObject("table", f"public.t{n:03}", {}) for n in range(60)])
    judged = judge(step_up(sql("a", down=None)), Cycle(EMPTY, None, many))
    proof: Proof = proof_of(STEP, judged, "staging", JOB, "15.1")
    assert (len(proof.differences), proof.total) == (50, 60)
    assert proof.checksum == Checksum.of(b"SELECT 'up'SELECT 'down'", "").raw.hex()
