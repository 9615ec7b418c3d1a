from app.domain.ledger import History, Status, ledger_id
from tests.domain.literals import applied, entry, sql

A, B, C = sql("a", "1"), sql("b", "2"), sql("c", "3")


def test_what_is_applied_is_ordered_by_when_it_was_applied() -> None:
    history = History.of([entry(A, 9), entry(B, 3), entry(C, 5)])
    assert [one.name for one in history.applied] == ["b", "c", "a"]


def test_only_completed_migrations_are_applied() -> None:
    rows = [
        entry(A, 1),
        entry(B, 2, Status.ROLLED_BACK),
        entry(C, 3, Status.FAILED),
        entry(sql("d"), 4, Status.PENDING),
    ]
    assert [one.name for one in History.of(rows).applied] == ["a"]


def test_a_migration_is_applied_by_its_status_and_not_by_having_a_row() -> None:
    history = History.of([entry(A, 1), entry(B, 2, Status.ROLLED_BACK)])
    assert [history.is_applied(name) for name in ("a", "b", "never")] == [True, False, False]


def test_a_row_is_found_by_name_whatever_its_status() -> None:
    history = History.of([entry(B, 2, Status.FAILED)])
    assert history.by_name["b"].status is Status.FAILED


def test_nothing_recorded_is_an_empty_history() -> None:
    assert History().applied == ()
    assert History.of([]) == History() == applied()


def test_a_migration_without_a_row_has_the_id_that_its_row_will_have() -> None:
    assert ledger_id("shop", "", "a") == ledger_id("shop", "", "a")
    assert ledger_id("shop", "", "a").version == 5


def test_targets_scopes_and_names_never_share_an_id() -> None:
    keys = [("shop", "", "a"), ("shop", "a", ""), ("shopa", "", ""), ("", "shop", "a"), ("shop", "", "b")]
    assert len({ledger_id(*key) for key in keys}) == 5


def test_the_ids_are_the_same_in_every_release() -> None:
    assert str(ledger_id("shop", "", "create_orders")) == "c9747ac2-9018-5b48-ada2-3af553e686ae"
