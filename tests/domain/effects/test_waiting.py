"""What was worked out anew, or taken out of its table, so that nobody could read meanwhile."""

from typing import Any

from app.domain.effects import Seen
from tests.domain.effects.literals import column, happened, seen, table

A = table(1, "public.a", column("x"))


def view(file: int, number: int = 2) -> Seen:
    return seen(table(number, "public.v", kind="materialized view", file=file))


def partition(whole: str | None, number: int = 2) -> Seen:
    of: dict[str, Any] = {"inherits": [whole], "bound": "DEFAULT"} if whole else {}
    return seen(A, table(3, "public.b", column("x")), table(number, "public.a_1", column("x"), **of))


def test_a_materialized_view_that_was_worked_out_anew_could_not_be_read() -> None:
    assert happened(view(1), view(2)) == {("BLOCKS_READS", "public.v")}
    assert happened(view(1), view(2), transactional=False) == {("BLOCKS_READS", "public.v")}


def test_one_that_was_refreshed_beside_its_readers_or_is_another_one_could() -> None:
    assert happened(view(1), view(1)) == set()
    assert happened(view(1), view(2, number=5)) == {("VIEW_CHANGED", "public.v")}


def test_the_table_that_loses_a_partition_cannot_be_read_until_the_end() -> None:
    lost = {("BLOCKS_READS", "public.a")}
    assert happened(partition("public.a"), partition(None)) == lost
    assert happened(partition("public.a"), partition("public.b")) == lost


def test_a_partition_that_stays_goes_or_leaves_outside_a_transaction_stops_nobody() -> None:
    assert happened(partition("public.a"), partition("public.a")) == set()
    assert happened(partition(None), partition("public.a")) == set()
    assert happened(partition("public.a"), partition(None), transactional=False) == set()
    whole_gone = seen(table(3, "public.b", column("x")), table(2, "public.a_1", column("x")))
    assert happened(partition("public.a"), whole_gone) == {("TABLE_DROPPED", "public.a")}
