"""A dropped column is a hazard."""

import pytest

from app.domain.hazard_rules.column_dropped import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(
    ("script", "hazards"),
    [
        ("ALTER TABLE orders DROP COLUMN note", ["COLUMN_DROPPED orders.note"]),
        (
            "ALTER TABLE orders DROP note, DROP COLUMN IF EXISTS b CASCADE",
            ["COLUMN_DROPPED orders.note", "COLUMN_DROPPED orders.b"],
        ),
        ("ALTER TYPE address DROP ATTRIBUTE zip", ["COLUMN_DROPPED address.zip"]),
    ],
)
def test_a_dropped_column_is_named_with_its_table(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize(
    "script",
    [
        "ALTER TABLE orders DROP CONSTRAINT c",
        "ALTER TABLE orders ALTER COLUMN a DROP DEFAULT",
        "CREATE TABLE t (id int); ALTER TABLE t DROP COLUMN id",
        "ALTER TABLE orders ADD CHECK (a IN ('DROP', 'x'))",
    ],
)
def test_other_things_that_are_dropped_are_no_columns(script: str) -> None:
    assert found(RULE, script) == []
