"""ATTACH PARTITION reads the partition, unless it is proven to fit."""

import pytest

from app.domain.hazard_rules.partition_attached import RULE
from tests.domain.hazard_rules.judging import found

CHECK = "ALTER TABLE p ADD CONSTRAINT c CHECK (a > 0) NOT VALID"
ATTACH = "ALTER TABLE events ATTACH PARTITION p FOR VALUES FROM (1) TO (2)"


@pytest.mark.parametrize(("script", "hazards"), [
    ("ALTER TABLE events ATTACH PARTITION events_new FOR VALUES FROM (1) TO (2)", ["BLOCKS_READS events_new"]),
    (f"{CHECK}; {ATTACH}", ["BLOCKS_READS p"]),
])  # fmt: skip
def test_the_partition_is_read_while_nobody_may(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    f"CREATE TABLE p (a int); {ATTACH}",
    f"{CHECK}; ALTER TABLE p VALIDATE CONSTRAINT c; {ATTACH}",
])  # fmt: skip
def test_a_new_or_a_proven_one_is_not_read(script: str) -> None:
    assert found(RULE, script) == []
