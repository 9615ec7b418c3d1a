"""Rows that a policy hid."""

import pytest

from app.domain.hazard_rules.row_security_weakened import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("DROP POLICY mine ON orders", ["ROW_SECURITY_WEAKENED orders.mine"]),
    ("ALTER TABLE orders DISABLE ROW LEVEL SECURITY", ["ROW_SECURITY_WEAKENED orders"]),
    ("ALTER TABLE orders NO FORCE ROW LEVEL SECURITY", ["ROW_SECURITY_WEAKENED orders"]),
])  # fmt: skip
def test_rows_that_were_hidden_are_seen(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "DROP POLICY mine ON orders; CREATE POLICY mine ON orders USING (true)",
    "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE orders FORCE ROW LEVEL SECURITY",
])  # fmt: skip
def test_a_policy_that_comes_back_hides_them_again(script: str) -> None:
    assert found(RULE, script) == []
