"""LOCK TABLE is as bad as its mode."""

import pytest

from app.domain.hazard_rules.lock_table import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("LOCK orders", ["BLOCKS_READS orders"]),
    ("LOCK TABLE a, b IN ACCESS EXCLUSIVE MODE NOWAIT", ["BLOCKS_READS a", "BLOCKS_READS b"]),
    ("LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE", ["BLOCKS_WRITES orders"]),
])  # fmt: skip
def test_what_the_mode_stops_waits(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "LOCK orders IN ACCESS SHARE MODE",
    "LOCK orders IN ROW EXCLUSIVE MODE",
    "CREATE TABLE t (id int); LOCK t",
])  # fmt: skip
def test_a_mode_that_stops_nobody_is_no_hazard(script: str) -> None:
    assert found(RULE, script) == []
