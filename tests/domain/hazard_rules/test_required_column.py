"""A required column without a value."""

import pytest

from app.domain.hazard_rules.required_column import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("ALTER TABLE orders ADD COLUMN a int NOT NULL", ["REQUIRED_COLUMN orders.a"]),
    ("ALTER TABLE orders ADD a int CHECK (a > 0) NOT NULL, ADD b int", ["REQUIRED_COLUMN orders.a"]),
])  # fmt: skip
def test_rows_that_are_there_have_no_value(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "ALTER TABLE orders ADD a int NOT NULL DEFAULT 0",
    "ALTER TABLE orders ADD a bigserial NOT NULL",
    "ALTER TABLE orders ADD a int",
    "ALTER TABLE orders ADD a int GENERATED ALWAYS AS (1) STORED NOT NULL",
    "CREATE TABLE t (id int); ALTER TABLE t ADD a int NOT NULL",
])  # fmt: skip
def test_a_default_or_a_number_of_its_own_is_a_value(script: str) -> None:
    assert found(RULE, script) == []
