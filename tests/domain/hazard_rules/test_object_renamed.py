"""Whoever uses the old name fails."""

import pytest

from app.domain.hazard_rules.object_renamed import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(("script", "hazards"), [
    ("ALTER TABLE orders RENAME TO sales", ["OBJECT_RENAMED orders"]),
    ("ALTER TABLE orders RENAME note TO remark", ["OBJECT_RENAMED orders.note"]),
    ("ALTER TABLE IF EXISTS ONLY orders RENAME COLUMN note TO remark", ["OBJECT_RENAMED orders.note"]),
    ("ALTER TYPE mood RENAME TO moods", ["OBJECT_RENAMED mood"]),
    ("ALTER TYPE address RENAME ATTRIBUTE zip TO code", ["OBJECT_RENAMED address.zip"]),
    ("ALTER SCHEMA shop RENAME TO store", ["OBJECT_RENAMED shop"]),
    ("ALTER FUNCTION total(int, text) RENAME TO sum_of", ["OBJECT_RENAMED total"]),
    ("ALTER TABLE orders SET SCHEMA archive", ["OBJECT_RENAMED orders"]),
    ("ALTER VIEW v RENAME TO w", ["OBJECT_RENAMED v"]),
    ("ALTER SEQUENCE s SET SCHEMA b", ["OBJECT_RENAMED s"]),
])  # fmt: skip
def test_the_old_name_is_what_is_lost(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "ALTER TABLE orders RENAME CONSTRAINT a TO b",
    "ALTER INDEX i RENAME TO j",
    "ALTER TYPE mood RENAME VALUE 'a' TO 'b'",
    "CREATE TABLE t (id int); ALTER TABLE t RENAME TO u",
    "ALTER TABLE orders SET (fillfactor = 70)",
])  # fmt: skip
def test_no_query_names_these(script: str) -> None:
    assert found(RULE, script) == []
