"""A trigger on a table that is in use."""

import pytest

from app.domain.hazard_rules.trigger_created import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("CREATE TRIGGER t BEFORE UPDATE OF a ON orders FOR EACH ROW EXECUTE FUNCTION f()", ["BLOCKS_WRITES orders"]),
    ("CREATE OR REPLACE TRIGGER t AFTER INSERT ON shop.orders EXECUTE FUNCTION f()", ["BLOCKS_WRITES shop.orders"]),
    ("CREATE CONSTRAINT TRIGGER t AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()", ["BLOCKS_WRITES orders"]),
])  # fmt: skip
def test_writes_wait_until_the_end(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "CREATE TABLE t (id int); CREATE TRIGGER x AFTER INSERT ON t EXECUTE FUNCTION f()",
    "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()",
])  # fmt: skip
def test_nobody_uses_a_new_table(script: str) -> None:
    assert found(RULE, script) == []
