"""TRUNCATE loses every row."""

import pytest

from app.domain.hazard_rules.truncate import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("TRUNCATE orders", ["ROWS_REMOVED orders"]),
    ("TRUNCATE TABLE ONLY a *, shop.b RESTART IDENTITY", ["ROWS_REMOVED a", "ROWS_REMOVED shop.b"]),
])  # fmt: skip
def test_every_table_loses_its_rows(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "CREATE TABLE t (id int); TRUNCATE t",
    "GRANT TRUNCATE ON orders TO bob",
])  # fmt: skip
def test_a_new_table_has_none(script: str) -> None:
    assert found(RULE, script) == []
