"""An index built beside the work of others."""

import pytest

from app.domain.hazard_rules.index_concurrently import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("CREATE INDEX CONCURRENTLY i ON orders (a)", ["INDEX_BUILD orders"]),
    ("REINDEX TABLE CONCURRENTLY orders", ["INDEX_BUILD orders"]),
    ("REINDEX (CONCURRENTLY) INDEX i", ["INDEX_BUILD i"]),
])  # fmt: skip
def test_the_disk_works(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "CREATE INDEX i ON orders (a)",
    "DROP INDEX CONCURRENTLY i",
])  # fmt: skip
def test_one_that_stops_writes_has_a_rule_of_its_own(script: str) -> None:
    assert found(RULE, script) == []
