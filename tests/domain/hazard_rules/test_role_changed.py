"""Roles belong to the whole server."""

import pytest

from app.domain.hazard_rules.role_changed import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("CREATE ROLE bob", ["ROLE_CHANGED bob"]),
    ("ALTER USER bob PASSWORD 'x'", ["ROLE_CHANGED bob"]),
    ("DROP ROLE IF EXISTS bob", ["ROLE_CHANGED bob"]),
    ("GRANT admin TO bob", ["ROLE_CHANGED admin"]),
    ("REASSIGN OWNED BY bob TO amy", ["ROLE_CHANGED bob"]),
    ("DROP OWNED BY bob", ["ROLE_CHANGED bob"]),
])  # fmt: skip
def test_a_role_is_named(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "GRANT SELECT ON orders TO bob",
    "CREATE USER MAPPING FOR bob SERVER far",
    "SET ROLE bob",
])  # fmt: skip
def test_a_privilege_or_a_mapping_is_no_role(script: str) -> None:
    assert found(RULE, script) == []
