"""A dropped table is a hazard, unless the plan itself has made it."""

import pytest

from app.domain.hazard_rules.table_dropped import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("DROP TABLE orders", ["TABLE_DROPPED orders"]),
    ("DROP TABLE IF EXISTS a, shop.b CASCADE", ["TABLE_DROPPED a", "TABLE_DROPPED shop.b"]),
    ("DROP TABLE \"Orders\"", ["TABLE_DROPPED Orders"]),
    ("DROP FOREIGN TABLE far", ["TABLE_DROPPED far"]),
    ("CREATE TABLE IF NOT EXISTS t (id int); DROP TABLE t", ["TABLE_DROPPED t"]),
    ("CREATE TABLE t (id int); DROP TABLE t; DROP TABLE t", ["TABLE_DROPPED t"]),
])  # fmt: skip
def test_a_dropped_table_is_named_with_each_of_its_fellows(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "CREATE TABLE t (id int); DROP TABLE t",
    "CREATE TABLE t (); ALTER TABLE t RENAME TO u; DROP TABLE u",
    "SELECT 'DROP TABLE orders'",
    "DROP INDEX i; DROP VIEW v",
])  # fmt: skip
def test_a_table_of_the_plan_itself_is_nobodys_yet(script: str) -> None:
    assert found(RULE, script) == []


def test_an_earlier_migration_of_the_plan_counts_as_well() -> None:
    assert found(RULE, "CREATE TABLE t (id int)", "DROP TABLE t") == []
