"""Who loses a privilege fails."""

import pytest

from app.domain.hazard_rules.privilege_revoked import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("REVOKE SELECT ON orders FROM bob", ["PRIVILEGE_REVOKED orders"]),
    ("REVOKE ALL ON SCHEMA public FROM PUBLIC", ["PRIVILEGE_REVOKED SCHEMA public"]),
    ("ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM bob", ["PRIVILEGE_REVOKED TABLES"]),
])  # fmt: skip
def test_what_is_taken_away_is_named(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "GRANT SELECT ON orders TO bob",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO bob",
])  # fmt: skip
def test_what_is_given_is_not_taken(script: str) -> None:
    assert found(RULE, script) == []
