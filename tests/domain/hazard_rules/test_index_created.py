"""CREATE INDEX stops writes."""

import pytest

from app.domain.hazard_rules.index_created import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("CREATE INDEX i ON orders (a)", ["BLOCKS_WRITES orders"]),
    ("CREATE UNIQUE INDEX ON shop.orders (a)", ["BLOCKS_WRITES shop.orders"]),
])  # fmt: skip
def test_writes_wait_while_it_is_built(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "CREATE INDEX CONCURRENTLY i ON orders (a)",
    "CREATE INDEX i ON ONLY events (a)",
    "CREATE TABLE t (id int); CREATE INDEX ON t (id)",
])  # fmt: skip
def test_nobody_waits(script: str) -> None:
    assert found(RULE, script) == []
