"""DROP INDEX locks its table."""

import pytest

from app.domain.hazard_rules.index_dropped import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("DROP INDEX i", ["BLOCKS_READS i"]),
    ("DROP INDEX IF EXISTS i, shop.j", ["BLOCKS_READS i", "BLOCKS_READS shop.j"]),
])  # fmt: skip
def test_its_table_is_locked(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "DROP INDEX CONCURRENTLY i",
    "CREATE TABLE t (id int); CREATE INDEX i ON t (id); DROP INDEX i",
])  # fmt: skip
def test_nobody_waits(script: str) -> None:
    assert found(RULE, script) == []
