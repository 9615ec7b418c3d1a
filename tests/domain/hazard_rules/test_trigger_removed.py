"""What a trigger did is no longer done."""

import pytest

from app.domain.hazard_rules.trigger_removed import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("DROP TRIGGER audit ON orders", ["TRIGGER_REMOVED orders.audit"]),
    ("ALTER TABLE orders DISABLE TRIGGER ALL", ["TRIGGER_REMOVED orders.all"]),
    ("ALTER TABLE orders DISABLE RULE r", ["TRIGGER_REMOVED orders.r"]),
    ("DROP RULE r ON orders", ["TRIGGER_REMOVED orders.r"]),
    ("DROP EVENT TRIGGER e", ["TRIGGER_REMOVED e"]),
])  # fmt: skip
def test_what_it_did_is_no_longer_done(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "DROP TRIGGER a ON orders; CREATE TRIGGER a AFTER INSERT ON orders EXECUTE FUNCTION f()",
    "ALTER TABLE orders ENABLE TRIGGER a",
    "ALTER TABLE orders DISABLE ROW LEVEL SECURITY",
])  # fmt: skip
def test_one_that_comes_back_leaves_no_gap(script: str) -> None:
    assert found(RULE, script) == []


def test_between_two_transactions_there_is_a_gap() -> None:
    script = "DROP TRIGGER a ON orders; CREATE TRIGGER a AFTER INSERT ON orders EXECUTE FUNCTION f()"
    assert found(RULE, script, transactional=False) == ["TRIGGER_REMOVED orders.a"]
