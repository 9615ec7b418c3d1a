"""A foreign key compares every row."""

import pytest

from app.domain.hazard_rules.foreign_key_added import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES b (id)", ["BLOCKS_WRITES orders"]),
    ("ALTER TABLE orders ADD FOREIGN KEY (a) REFERENCES b", ["BLOCKS_WRITES orders"]),
    ("ALTER TABLE orders ADD COLUMN a int REFERENCES b (id)", ["BLOCKS_READS orders.a"]),
])  # fmt: skip
def test_writes_to_both_tables_wait(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "ALTER TABLE orders ADD FOREIGN KEY (a) REFERENCES b (id) NOT VALID",
    "ALTER TABLE orders VALIDATE CONSTRAINT f",
    "CREATE TABLE t (id int); ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES b (id)",
    "CREATE TABLE c (a int REFERENCES b (id))",
])  # fmt: skip
def test_not_valid_compares_nothing(script: str) -> None:
    assert found(RULE, script) == []
