"""UNIQUE and PRIMARY KEY build an index."""

import pytest

from app.domain.hazard_rules.unique_added import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("ALTER TABLE orders ADD CONSTRAINT u UNIQUE (a)", ["BLOCKS_READS orders"]),
    ("ALTER TABLE orders ADD PRIMARY KEY (id)", ["BLOCKS_READS orders"]),
    ("ALTER TABLE orders ADD a int UNIQUE", ["BLOCKS_READS orders.a"]),
])  # fmt: skip
def test_nobody_reads_or_writes_while_the_index_is_built(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "ALTER TABLE orders ADD CONSTRAINT u UNIQUE USING INDEX i",
    "ALTER TABLE orders ADD PRIMARY KEY USING INDEX i",
    "CREATE TABLE t (id int); ALTER TABLE t ADD UNIQUE (id)",
])  # fmt: skip
def test_an_index_that_is_there_is_only_named(script: str) -> None:
    assert found(RULE, script) == []
