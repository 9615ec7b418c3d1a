"""A view that goes, and one that comes back otherwise."""

import pytest

from app.domain.hazard_rules.view_dropped import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("DROP VIEW v", ["VIEW_DROPPED v"]),
    ("DROP MATERIALIZED VIEW IF EXISTS m, n", ["VIEW_DROPPED m", "VIEW_DROPPED n"]),
    ("DROP VIEW v; CREATE VIEW v AS SELECT 1", ["VIEW_CHANGED v"]),
    ("DROP VIEW v; CREATE VIEW w AS SELECT 1", ["VIEW_DROPPED v"]),
    ("DROP MATERIALIZED VIEW m; CREATE MATERIALIZED VIEW IF NOT EXISTS m AS SELECT 1", ["VIEW_CHANGED m"]),
])  # fmt: skip
def test_a_view_goes_or_is_made_again(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "CREATE OR REPLACE VIEW v AS SELECT 1",
    "CREATE VIEW v AS SELECT 1; DROP VIEW v",
])  # fmt: skip
def test_the_server_refuses_to_replace_a_view_by_one_with_fewer_columns(script: str) -> None:
    assert found(RULE, script) == []
