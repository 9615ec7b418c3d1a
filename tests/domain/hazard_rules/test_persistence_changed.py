"""SET LOGGED and UNLOGGED copy the table."""

import pytest

from app.domain.hazard_rules.persistence_changed import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("ALTER TABLE orders SET UNLOGGED", ["TABLE_REWRITE orders"]),
    ("ALTER TABLE orders SET LOGGED", ["TABLE_REWRITE orders"]),
])  # fmt: skip
def test_the_table_is_copied(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "ALTER TABLE orders SET (fillfactor = 70)",
    "CREATE UNLOGGED TABLE t (id int); ALTER TABLE t SET LOGGED",
])  # fmt: skip
def test_other_settings_copy_nothing(script: str) -> None:
    assert found(RULE, script) == []
