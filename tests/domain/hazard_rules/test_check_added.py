"""A CHECK looks at every row."""

import pytest

from app.domain.hazard_rules.check_added import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("ALTER TABLE orders ADD CONSTRAINT c CHECK (a > 0)", ["BLOCKS_READS orders"]),
    ("ALTER DOMAIN d ADD CHECK (VALUE > 1)", ["BLOCKS_WRITES d"]),
    ("ALTER TABLE orders ADD CHECK (a NOT IN (1))", ["BLOCKS_READS orders"]),
    ("ALTER TABLE orders ADD a int DEFAULT 1 CHECK (a > 0)", ["BLOCKS_READS orders.a"]),
])  # fmt: skip
def test_nobody_reads_or_writes_while_every_row_is_looked_at(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "ALTER TABLE orders ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
    "ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE > 1) NOT VALID",
    "ALTER TABLE orders VALIDATE CONSTRAINT c",
    "CREATE TABLE t (id int); ALTER TABLE t ADD CHECK (id > 0)",
])  # fmt: skip
def test_not_valid_looks_at_none(script: str) -> None:
    assert found(RULE, script) == []
