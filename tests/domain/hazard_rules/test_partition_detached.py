"""DETACH PARTITION locks the partitioned table."""

import pytest

from app.domain.hazard_rules.partition_detached import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("ALTER TABLE events DETACH PARTITION p", ["BLOCKS_READS events"]),
])  # fmt: skip
def test_the_whole_table_is_locked(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "ALTER TABLE events DETACH PARTITION p CONCURRENTLY",
    "CREATE TABLE e (a int) PARTITION BY RANGE (a); ALTER TABLE e DETACH PARTITION p",
])  # fmt: skip
def test_nobody_waits(script: str) -> None:
    assert found(RULE, script) == []
