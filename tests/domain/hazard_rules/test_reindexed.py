"""REINDEX stops writes, and reads that could use the index."""

import pytest

from app.domain.hazard_rules.reindexed import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("REINDEX TABLE orders", ["BLOCKS_READS orders"]),
    ("REINDEX (VERBOSE) INDEX shop.i", ["BLOCKS_READS shop.i"]),
    ("REINDEX SCHEMA shop", ["BLOCKS_READS shop"]),
])  # fmt: skip
def test_others_wait_while_it_is_built(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "REINDEX TABLE CONCURRENTLY orders",
    "CREATE TABLE t (id int); REINDEX TABLE t",
])  # fmt: skip
def test_nobody_waits(script: str) -> None:
    assert found(RULE, script) == []
