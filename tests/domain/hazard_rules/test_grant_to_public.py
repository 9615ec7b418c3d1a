"""Everybody is everybody."""

import pytest

from app.domain.hazard_rules.grant_to_public import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("GRANT SELECT ON orders TO PUBLIC", ["GRANT_TO_PUBLIC orders"]),
    ("GRANT ALL ON ALL TABLES IN SCHEMA shop TO bob, public", ["GRANT_TO_PUBLIC ALL TABLES IN SCHEMA shop"]),
    ("ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO PUBLIC", ["GRANT_TO_PUBLIC TABLES"]),
])  # fmt: skip
def test_what_everybody_gets_is_named(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "GRANT SELECT ON orders TO \"PUBLIC\"",
    "GRANT USAGE ON SCHEMA public TO bob",
    "REVOKE ALL ON orders FROM PUBLIC",
])  # fmt: skip
def test_a_role_of_that_name_or_a_schema_is_not_everybody(script: str) -> None:
    assert found(RULE, script) == []
