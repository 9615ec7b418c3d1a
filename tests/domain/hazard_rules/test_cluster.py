"""CLUSTER copies the table."""

import pytest

from app.domain.hazard_rules.cluster import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("CLUSTER orders USING i", ["TABLE_REWRITE orders"]),
    ("CLUSTER VERBOSE orders", ["TABLE_REWRITE orders"]),
    ("CLUSTER i ON orders", ["TABLE_REWRITE orders"]),
    ("CLUSTER", ["TABLE_REWRITE "]),
])  # fmt: skip
def test_cluster_copies_the_table(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "CREATE TABLE t (id int PRIMARY KEY); CLUSTER t USING t_pkey",
    "ALTER TABLE orders CLUSTER ON i",
])  # fmt: skip
def test_a_new_table_has_nothing_to_copy(script: str) -> None:
    assert found(RULE, script) == []
