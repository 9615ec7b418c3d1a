"""A dropped schema is a hazard."""

import pytest

from app.domain.hazard_rules.schema_dropped import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("DROP SCHEMA shop", ["SCHEMA_DROPPED shop"]),
    ("DROP SCHEMA IF EXISTS a, b CASCADE", ["SCHEMA_DROPPED a", "SCHEMA_DROPPED b"]),
])  # fmt: skip
def test_a_dropped_schema_is_named(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "CREATE SCHEMA shop",
    "DROP TABLE shop.orders",
])  # fmt: skip
def test_a_schema_that_is_made_is_none(script: str) -> None:
    assert found(RULE, script) == []
