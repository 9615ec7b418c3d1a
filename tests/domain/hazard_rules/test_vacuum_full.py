"""VACUUM FULL copies the table."""

import pytest

from app.domain.hazard_rules.vacuum_full import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("VACUUM FULL orders", ["TABLE_REWRITE orders"]),
    ("VACUUM (ANALYZE, FULL) shop.orders", ["TABLE_REWRITE shop.orders"]),
    ("VACUUM FULL", ["TABLE_REWRITE "]),
    ("VACUUM (FULL true) orders", ["TABLE_REWRITE orders"]),
])  # fmt: skip
def test_vacuum_full_copies_the_table(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "VACUUM orders",
    "VACUUM (FULL false) orders",
    "VACUUM (ANALYZE)",
    "VACUUM \"FULL\"",
])  # fmt: skip
def test_plain_vacuum_does_not(script: str) -> None:
    assert found(RULE, script) == []
