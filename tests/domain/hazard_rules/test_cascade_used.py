"""CASCADE takes what the file does not name."""

import pytest

from app.domain.hazard_rules.cascade_used import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("DROP TABLE orders CASCADE", ["CASCADE_USED orders"]),
    ("TRUNCATE orders CASCADE", ["CASCADE_USED "]),
    ("ALTER TABLE orders DROP COLUMN a CASCADE, ADD b int", ["CASCADE_USED orders"]),
    ("DROP TYPE mood CASCADE", ["CASCADE_USED mood"]),
    ("REVOKE ALL ON orders FROM bob CASCADE", ["CASCADE_USED "]),
    ("DROP SCHEMA a CASCADE", ["CASCADE_USED a"]),
])  # fmt: skip
def test_what_goes_along_is_not_named(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "ALTER TABLE orders ADD FOREIGN KEY (a) REFERENCES b (id) ON DELETE CASCADE",
    "DROP TABLE orders",
    "DROP TABLE orders RESTRICT",
    "CREATE TABLE t (id int); DROP TABLE t CASCADE",
])  # fmt: skip
def test_a_foreign_keys_cascade_is_another_word(script: str) -> None:
    assert found(RULE, script) == []
