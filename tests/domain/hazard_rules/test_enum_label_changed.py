"""A label that is gone is missed."""

import pytest

from app.domain.hazard_rules.enum_label_changed import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'", ["ENUM_LABEL_CHANGED mood"]),
    ("DELETE FROM pg_enum WHERE enumlabel = 'sad'", ["ENUM_LABEL_CHANGED pg_catalog.pg_enum"]),
    ("UPDATE pg_catalog.pg_enum SET enumlabel = 'x' WHERE oid = 1", ["ENUM_LABEL_CHANGED pg_catalog.pg_enum"]),
])  # fmt: skip
def test_the_old_label_is_missed(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "ALTER TYPE mood ADD VALUE 'calm'",
    "ALTER TYPE mood RENAME TO moods",
    "DELETE FROM orders WHERE a = 'pg_enum'",
])  # fmt: skip
def test_a_label_that_comes_is_missed_by_nobody(script: str) -> None:
    assert found(RULE, script) == []
