"""An extension takes its types along."""

import pytest

from app.domain.hazard_rules.extension_dropped import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("DROP EXTENSION IF EXISTS \"uuid-ossp\" CASCADE", ["EXTENSION_DROPPED uuid-ossp"]),
    ("DROP EXTENSION a, b", ["EXTENSION_DROPPED a", "EXTENSION_DROPPED b"]),
])  # fmt: skip
def test_a_dropped_extension_is_named(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "CREATE EXTENSION citext",
    "ALTER EXTENSION citext UPDATE",
])  # fmt: skip
def test_one_that_comes_is_none(script: str) -> None:
    assert found(RULE, script) == []
