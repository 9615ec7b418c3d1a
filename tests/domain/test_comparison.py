"""Two ledgers and two schemas side by side."""

from dataclasses import replace

import pytest

from app.domain.axes import SyncState
from app.domain.comparison import (
    NOT_COMPARED,
    Comparison,
    LedgerComparison,
    Likeness,
    SchemaComparison,
    compare_ledgers,
    compare_schemas,
    unread_ledgers,
    unread_schemas,
)
from app.domain.ledger import UNCERTAIN, History, Status
from app.domain.schema import EMPTY, SchemaObject, Snapshot
from tests.domain.literals import applied, entry, sql

ONE, TWO, THREE = sql("one", "1"), sql("two", "2", up="SELECT 2"), sql("three", "3", up="SELECT 3")
TABLE = SchemaObject("table", "public.a", {"owner": "ada"})
SAME = SchemaComparison(Likeness.SAME)


def verdict(source: History, target: History) -> SyncState:
    return compare_ledgers(source, target).verdict


def test_the_same_on_both_sides_is_in_sync_in_whatever_order_it_came() -> None:
    found = compare_ledgers(applied(ONE, TWO), applied(TWO, ONE))
    assert (found.verdict, found.same, found.other_texts) == (SyncState.IN_SYNC, 2, ())


def test_what_the_source_has_more_leaves_the_target_behind() -> None:
    found = compare_ledgers(applied(ONE, TWO, THREE), applied(ONE))
    assert found.verdict is SyncState.BEHIND
    assert [one.name for one in found.only_in_source] == ["two", "three"]
    assert found.only_in_target == ()


def test_what_the_target_has_more_puts_it_ahead_and_says_whether_its_newest_are_those() -> None:
    newest = compare_ledgers(applied(ONE), applied(ONE, TWO, THREE))
    assert (newest.verdict, newest.tail) == (SyncState.AHEAD, 2)
    below = compare_ledgers(applied(THREE), applied(ONE, TWO, THREE))
    assert (below.verdict, below.tail) == (SyncState.AHEAD, None)


def test_each_lacking_something_of_the_other_has_diverged() -> None:
    assert verdict(applied(ONE, TWO), applied(ONE, THREE)) is SyncState.DIVERGED


def test_another_text_has_diverged_but_other_comments_have_not() -> None:
    changed = compare_ledgers(applied(ONE), applied(sql("one", "1", up="SELECT 'changed'")))
    assert (changed.verdict, changed.same) == (SyncState.DIVERGED, 0)
    assert [(one.source.name, one.comments_only) for one in changed.other_texts] == [("one", False)]
    commented = compare_ledgers(applied(ONE), applied(sql("one", "1", up="--SELECT 'up'")))
    assert (commented.verdict, commented.other_texts[0].comments_only) == (SyncState.IN_SYNC, True)


def test_what_was_rolled_back_or_has_failed_is_not_applied() -> None:
    undone = History.of([entry(ONE, 1), entry(TWO, 2, Status.ROLLED_BACK), entry(THREE, 3, Status.FAILED)])
    assert verdict(applied(ONE, TWO, THREE), undone) is SyncState.BEHIND
    assert verdict(applied(ONE), undone) is SyncState.IN_SYNC


def test_what_nobody_knows_leaves_the_verdict_open() -> None:
    unsure = replace(entry(TWO, 2, Status.FAILED), error_message=f"{UNCERTAIN}the connection was lost")
    found = compare_ledgers(applied(ONE), History.of([entry(ONE, 1), unsure]))
    assert (found.verdict, found.uncertain_in_source, found.uncertain_in_target) == (SyncState.UNKNOWN, (), ("two",))
    said = Comparison("staging", "production", found, SAME).message
    assert said == "nobody knows whether two is applied in production"


def test_schemas_of_one_fingerprint_are_the_same() -> None:
    assert compare_schemas(EMPTY, EMPTY).likeness is Likeness.SAME


def test_owners_count_only_where_they_are_asked_for() -> None:
    theirs = Snapshot.of([replace(TABLE, facts={"owner": "bob"})])
    ours = Snapshot.of([TABLE])
    strict = compare_schemas(ours, theirs)
    assert [(one.identity, one.how.value) for one in strict.differences] == [("public.a", "changed")]
    assert compare_schemas(ours.comparable(), theirs.comparable()).likeness is Likeness.SAME


def test_an_object_that_only_the_source_has_is_missing() -> None:
    found = compare_schemas(Snapshot.of([TABLE]), EMPTY)
    assert [(one.kind, one.how.value) for one in found.differences] == [("table", "missing")]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (SAME, SyncState.IN_SYNC),
        (compare_schemas(Snapshot.of([TABLE]), EMPTY), SyncState.DIVERGED),
        (unread_schemas(["production is away"]), SyncState.UNKNOWN),
    ],
)
def test_in_sync_takes_schemas_that_are_seen_to_agree(schema: SchemaComparison, expected: SyncState) -> None:
    found = Comparison("staging", "production", compare_ledgers(applied(ONE), applied(ONE)), schema)
    assert found.verdict is expected


def test_a_difference_of_ledgers_explains_one_of_schemas() -> None:
    ledger = compare_ledgers(applied(ONE, TWO), applied(ONE))
    found = Comparison("staging", "production", ledger, compare_schemas(Snapshot.of([TABLE]), EMPTY))
    assert found.verdict is SyncState.BEHIND
    assert found.message == "production lacks 1 migration (two) that staging has; their schemas differ in 1 object"


@pytest.mark.parametrize(
    ("ledger", "message"),
    [
        (compare_ledgers(applied(ONE), applied(ONE)), "have applied the same, and their schemas agree"),
        (compare_ledgers(History(), applied(ONE)), "production has 1 migration (one) that staging lacks"),
        (unread_ledgers(["the target of staging is away"]), "the target of staging is away"),
    ],
)
def test_the_message_says_it_in_one_sentence(ledger: LedgerComparison, message: str) -> None:
    assert Comparison("staging", "production", ledger, SAME).message.endswith(message)


def between(source: History, target: History, schema: SchemaComparison = SAME) -> Comparison:
    return Comparison("staging", "production", compare_ledgers(source, target), schema)


@pytest.mark.parametrize(
    ("found", "disagrees"),
    [
        (between(applied(ONE), applied(ONE)), False),
        (between(applied(ONE, TWO), applied(ONE), NOT_COMPARED), False),
        (between(applied(ONE), applied(ONE, TWO), NOT_COMPARED), True),
        (between(applied(ONE), applied(ONE), SchemaComparison(Likeness.DIFFERENT)), True),
        (between(applied(ONE), applied(ONE), unread_schemas(["it is locked"])), False),
    ],
)
def test_to_lack_something_is_but_a_matter_of_time_and_to_have_more_is_not(found: Comparison, disagrees: bool) -> None:
    assert found.disagrees is disagrees


def test_one_disagreement_is_one_record_and_another_one_is_another() -> None:
    ahead = between(applied(ONE), applied(ONE, TWO), NOT_COMPARED).as_collision()
    again = between(applied(ONE, THREE), applied(ONE, TWO, THREE), NOT_COMPARED).as_collision()
    other = between(applied(ONE), applied(ONE, TWO, THREE), NOT_COMPARED).as_collision()
    assert ahead.fingerprint == again.fingerprint != other.fingerprint
    assert (ahead.environment, ahead.migrations, ahead.evidence["onlyInTo"]) == ("production", ("two",), ["two"])
    assert ahead.message == (
        "production is not what staging, which it requires, has led to: "
        "production has 1 migration (two) that staging lacks"
    )
