"""What a constraint refused is accepted."""

import pytest

from app.domain.hazard_rules.constraint_dropped import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("ALTER TABLE orders DROP CONSTRAINT orders_pkey", ["CONSTRAINT_DROPPED orders.orders_pkey"]),
    ("ALTER TABLE orders DROP CONSTRAINT IF EXISTS c, ADD CHECK (true)", ["CONSTRAINT_DROPPED orders.c"]),
    ("ALTER DOMAIN d DROP CONSTRAINT c", ["CONSTRAINT_DROPPED d"]),
])  # fmt: skip
def test_what_it_refused_is_accepted(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "ALTER TABLE orders DROP COLUMN c",
    "CREATE TABLE t (a int CONSTRAINT c CHECK (a > 0)); ALTER TABLE t DROP CONSTRAINT c",
])  # fmt: skip
def test_other_things_that_are_dropped_are_no_constraints(script: str) -> None:
    assert found(RULE, script) == []
