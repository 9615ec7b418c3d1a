"""REFRESH stops the readers of the view."""

import pytest

from app.domain.hazard_rules.view_refreshed import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("REFRESH MATERIALIZED VIEW m", ["BLOCKS_READS m"]),
    ("REFRESH MATERIALIZED VIEW shop.m WITH NO DATA", ["BLOCKS_READS shop.m"]),
])  # fmt: skip
def test_its_readers_wait(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
    "CREATE MATERIALIZED VIEW m AS SELECT 1; REFRESH MATERIALIZED VIEW m",
])  # fmt: skip
def test_nobody_waits(script: str) -> None:
    assert found(RULE, script) == []
