"""Rows changed under the lock of a schema change."""

import pytest

from app.domain.hazard_rules.mixed_data_change import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("ALTER TABLE orders ADD a int; UPDATE orders SET a = 1 WHERE id > 0", ["MIXED_DATA_CHANGE orders"]),
    ("CREATE INDEX i ON orders (a); DELETE FROM lines WHERE id < 5", ["MIXED_DATA_CHANGE lines"]),
    ("ALTER TABLE orders ADD a int; INSERT INTO lines SELECT 1", ["MIXED_DATA_CHANGE lines"]),
])  # fmt: skip
def test_the_lock_is_held_until_the_rows_are_done(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "UPDATE orders SET a = 1 WHERE id = 1; ALTER TABLE orders ADD a int",
    "ALTER TABLE orders ADD a int; INSERT INTO states VALUES (1)",
    "CREATE TABLE t (id int); UPDATE orders SET a = 1 WHERE id = 2",
    "ALTER TABLE orders ADD a int; CREATE TABLE t (a int); INSERT INTO t SELECT 1",
    "COMMENT ON TABLE orders IS 'x'; UPDATE orders SET a = 1 WHERE id = 2",
])  # fmt: skip
def test_few_rows_or_none_held_are_fine(script: str) -> None:
    assert found(RULE, script) == []


def test_each_statement_in_a_transaction_of_its_own_holds_nothing() -> None:
    script = "ALTER TABLE orders ADD a int; UPDATE orders SET a = 1 WHERE id > 0"
    assert found(RULE, script, transactional=False) == []
