"""Another tablespace is another place on the disk."""

import pytest

from app.domain.hazard_rules.tablespace_changed import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("ALTER TABLE orders SET TABLESPACE fast", ["TABLE_REWRITE orders"]),
    ("ALTER TABLE orders SET ACCESS METHOD heap2", ["TABLE_REWRITE orders"]),
    ("ALTER TABLE ALL IN TABLESPACE old SET TABLESPACE new", ["TABLE_REWRITE "]),
])  # fmt: skip
def test_every_file_is_copied(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "CREATE TABLE t (id int); ALTER TABLE t SET TABLESPACE fast",
    "ALTER DATABASE shop SET TABLESPACE fast",
])  # fmt: skip
def test_a_new_table_is_small(script: str) -> None:
    assert found(RULE, script) == []
