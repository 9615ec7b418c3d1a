"""SET NOT NULL reads the table, unless it is proven."""

import pytest

from app.domain.hazard_rules.not_null_set import RULE
from tests.domain.hazard_rules.judging import found

PROVEN = "ALTER TABLE orders ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID"


@pytest.mark.parametrize(
    ("script", "hazards"),
    [
        ("ALTER TABLE orders ALTER COLUMN a SET NOT NULL", ["BLOCKS_READS orders.a"]),
        (
            "ALTER TABLE orders ALTER a SET NOT NULL, ALTER b SET NOT NULL",
            ["BLOCKS_READS orders.a", "BLOCKS_READS orders.b"],
        ),
        ("ALTER TABLE orders ADD CONSTRAINT n NOT NULL a", ["BLOCKS_READS orders.a"]),
        (f"{PROVEN}; ALTER TABLE orders ALTER a SET NOT NULL", ["BLOCKS_READS orders.a"]),
        (
            "ALTER TABLE orders ADD CONSTRAINT c CHECK (a > 0); ALTER TABLE orders ALTER a SET NOT NULL",
            ["BLOCKS_READS orders.a"],
        ),
    ],
)
def test_the_table_is_read_while_nobody_may(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize(
    "script",
    [
        f"{PROVEN}; ALTER TABLE orders VALIDATE CONSTRAINT c; ALTER TABLE orders ALTER a SET NOT NULL",
        "ALTER TABLE orders ADD CHECK ((a IS NOT NULL)); ALTER TABLE orders ALTER a SET NOT NULL",
        "ALTER TABLE orders ADD CONSTRAINT n NOT NULL a NOT VALID; ALTER TABLE orders VALIDATE CONSTRAINT n; "
        "ALTER TABLE orders ALTER a SET NOT NULL",
        "ALTER TABLE orders ALTER a DROP NOT NULL",
        "CREATE TABLE t (id int); ALTER TABLE t ALTER id SET NOT NULL",
    ],
)
def test_a_validated_check_proves_it(script: str) -> None:
    assert found(RULE, script) == []


def test_it_may_be_proven_by_an_earlier_migration() -> None:
    validated = "ALTER TABLE orders VALIDATE CONSTRAINT c"
    assert found(RULE, PROVEN, validated, "ALTER TABLE orders ALTER a SET NOT NULL") == []
