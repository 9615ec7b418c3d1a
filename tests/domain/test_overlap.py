"""Which tables a script alters, and which pending migrations meet at one without an order between them."""

import pytest

from app.domain import divergence
from app.domain.conflict import ConflictKind
from app.domain.divergence import Severity
from app.domain.environment import OutOfOrder
from app.domain.ledger import History
from app.domain.migration import Catalog, Migration
from app.domain.overlap import overlaps, tables_touched
from app.domain.plan import plan_run
from tests.domain.literals import applied, python, sql

ADD = "ALTER TABLE users ADD COLUMN {} int"


@pytest.mark.parametrize(("script", "tables"), [
    ("ALTER TABLE users ADD COLUMN x int", ["public.users"]),
    ("ALTER TABLE IF EXISTS ONLY Users ADD x int", ["public.users"]),
    ('ALTER TABLE "Users" ADD x int', ["public.Users"]),
    ('ALTER TABLE shop . "or""ders" RENAME TO o', ['shop.or"ders']),
    ("ALTER TABLE here.public.users ADD x int", ["public.users"]),
    ("DROP TABLE IF EXISTS a, public.b CASCADE", ["public.a", "public.b"]),
    ("TRUNCATE ONLY a *, b RESTART IDENTITY", ["public.a", "public.b"]),
    ("TRUNCATE TABLE a", ["public.a"]),
    ("CREATE UNIQUE INDEX IF NOT EXISTS i ON ONLY a (x)", ["public.a"]),
    ("CREATE INDEX CONCURRENTLY ON a (x)", ["public.a"]),
    ("ALTER FOREIGN TABLE far ADD x int", ["public.far"]),
    ("ALTER /* TABLE b */ TABLE a -- TABLE c\n ADD x int", ["public.a"]),
    ("BEGIN; ALTER TABLE a ADD x int; ALTER TABLE b ADD x int; COMMIT", ["public.a", "public.b"]),
    ("SELECT 'ALTER TABLE a'; CREATE TABLE b (id int); DROP INDEX i; -- DROP TABLE c", []),
    ("ALTER TABLE ALL IN TABLESPACE old SET TABLESPACE new", []),
    ("ALTER TABLE", []),
])  # fmt: skip
def test_the_tables_of_a_script_are_named_as_the_server_stores_them(script: str, tables: list[str]) -> None:
    assert [touch.table for touch in tables_touched(script)] == tables


def met(*pending: Migration) -> list[tuple[str, list[str]]]:
    return [(found.table, [one.name for one, _ in found.touches]) for found in overlaps(pending)]


def test_two_that_alter_one_table_without_an_order_between_them_overlap() -> None:
    one, two = sql("a", "1", up=ADD.format("x")), sql("b", "2", up='DROP TABLE public."users"')
    assert met(one, two) == [("public.users", ["a", "b"])]


def test_two_schemas_may_each_have_a_table_of_that_name() -> None:
    assert met(sql("a", "1", up="DROP TABLE one.t"), sql("b", "2", up="DROP TABLE two.t")) == []


def test_a_dependency_is_an_order_also_through_others() -> None:
    one, between = sql("a", "1", up=ADD.format("x")), sql("between", "2", needs="a")
    assert met(one, sql("b", "3", needs="a", up=ADD.format("y"))) == []
    assert met(one, between, sql("b", "3", needs="between", up=ADD.format("y"))) == []


def test_of_three_only_those_that_are_not_ordered_are_named() -> None:
    first = sql("a", "1", up=ADD.format("x"))
    left, right = (sql(name, name, needs="a", up=ADD.format(name)) for name in ("l", "r"))
    assert met(first, left, right) == [("public.users", ["l", "r"])]


def test_what_only_one_migration_touches_or_no_parser_reads_overlaps_with_nothing() -> None:
    twice = sql("a", "1", up=f"{ADD.format('x')}; {ADD.format('y')}")
    assert met(twice, sql("b", "2"), python("c", "3")) == []


def test_an_overlap_is_a_notice_with_both_statements_and_refuses_nothing() -> None:
    one, two = sql("a", "1", up=ADD.format("x")), sql("b", "2", up=f"SELECT 1;\n{ADD.format('y')}")
    (found,) = divergence.of_history([one, two], History(), OutOfOrder.REFUSE)
    assert (found.kind, found.severity, found.migrations) == (
        ConflictKind.OBJECT_OVERLAP, Severity.NOTICE, ("a", "b"),
    )  # fmt: skip
    statements = found.evidence["statements"]
    assert isinstance(statements, list)
    assert [(one["migration"], one["line"], one["statement"]) for one in statements] == [
        ("a", 1, ADD.format("x")),
        ("b", 2, ADD.format("y")),
    ]
    assert len(plan_run(Catalog((one, two)), History(), OutOfOrder.REFUSE).steps) == 2


def test_what_is_applied_overlaps_no_more() -> None:
    one, two = sql("a", "1", up=ADD.format("x")), sql("b", "2", up=ADD.format("y"))
    assert divergence.of_history([one, two], applied(one), OutOfOrder.REFUSE) == ()
