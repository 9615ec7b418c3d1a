"""UPDATE without WHERE overwrites every row."""

import pytest

from app.domain.hazard_rules.update_all import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("UPDATE orders SET a = 1", ["ALL_ROWS_CHANGED orders"]),
    ("UPDATE ONLY shop.orders AS o SET a = 1", ["ALL_ROWS_CHANGED shop.orders"]),
    ("UPDATE orders SET a = (SELECT b FROM c WHERE c.id = orders.id)", ["ALL_ROWS_CHANGED orders"]),
    ("WITH x AS (UPDATE orders SET a = 1 RETURNING id) SELECT * FROM x WHERE id = 1", ["ALL_ROWS_CHANGED orders"]),
])  # fmt: skip
def test_an_update_without_where_overwrites_every_row(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "UPDATE orders SET a = 1 WHERE id = 2",
    "CREATE TABLE t (id int); UPDATE t SET id = 1",
    "WITH x AS (SELECT 1 FROM a FOR UPDATE) SELECT 1",
    "WITH x AS (SELECT 1) INSERT INTO a SELECT 1 ON CONFLICT (id) DO UPDATE SET b = 1",
])  # fmt: skip
def test_where_says_which_rows_and_a_lock_is_no_update(script: str) -> None:
    assert found(RULE, script) == []
