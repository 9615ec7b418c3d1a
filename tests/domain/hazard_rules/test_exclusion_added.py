"""An exclusion constraint builds an index."""

import pytest

from app.domain.hazard_rules.exclusion_added import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("ALTER TABLE rooms ADD CONSTRAINT once EXCLUDE USING gist (room WITH =, during WITH &&)", ["BLOCKS_READS rooms"]),
    ("ALTER TABLE rooms ADD EXCLUDE (room WITH =)", ["BLOCKS_READS rooms"]),
])  # fmt: skip
def test_nobody_reads_or_writes_while_the_index_is_built(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "CREATE TABLE rooms (r int); ALTER TABLE rooms ADD EXCLUDE (r WITH =)",
    "CREATE TABLE rooms (r int, EXCLUDE (r WITH =))",
])  # fmt: skip
def test_a_new_table_is_empty(script: str) -> None:
    assert found(RULE, script) == []
