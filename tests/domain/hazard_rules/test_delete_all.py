"""DELETE without WHERE loses every row."""

import pytest

from app.domain.hazard_rules.delete_all import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(
    ("script", "hazards"),
    [
        ("DELETE FROM orders", ["ROWS_REMOVED orders"]),
        ("DELETE FROM ONLY orders USING b RETURNING id", ["ROWS_REMOVED orders"]),
        (
            "WITH gone AS (DELETE FROM orders RETURNING *) INSERT INTO old SELECT * FROM gone WHERE id > 1",
            ["ROWS_REMOVED orders"],
        ),
        ("DELETE FROM orders USING (SELECT 1 WHERE true) x", ["ROWS_REMOVED orders"]),
    ],
)
def test_a_delete_without_where_loses_every_row(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize(
    "script",
    [
        "DELETE FROM orders WHERE id = 1",
        "WITH gone AS (DELETE FROM orders WHERE id = 1 RETURNING *) SELECT * FROM gone",
        "CREATE TABLE t (id int); DELETE FROM t",
        "DELETE FROM orders -- all\nWHERE id = 2",
    ],
)
def test_where_says_which_rows(script: str) -> None:
    assert found(RULE, script) == []
