"""Types, sequences, databases and the like."""

import pytest

from app.domain.hazard_rules.object_dropped import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("DROP TYPE mood", ["OBJECT_DROPPED mood"]),
    ("DROP DOMAIN IF EXISTS a, b", ["OBJECT_DROPPED a", "OBJECT_DROPPED b"]),
    ("DROP CAST (int AS text)", ["OBJECT_DROPPED CAST ( int AS text )"]),
    ("DROP SEQUENCE s", ["OBJECT_DROPPED s"]),
    ("DROP DATABASE shop", ["OBJECT_DROPPED shop"]),
    ("DROP PUBLICATION p", ["OBJECT_DROPPED p"]),
])  # fmt: skip
def test_what_is_dropped_is_named(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "CREATE TYPE mood AS ENUM ('sad'); DROP TYPE mood",
    "DROP TABLE orders",
    "DROP INDEX i",
    "DROP FUNCTION f()",
])  # fmt: skip
def test_tables_and_indexes_have_rules_of_their_own(script: str) -> None:
    assert found(RULE, script) == []
