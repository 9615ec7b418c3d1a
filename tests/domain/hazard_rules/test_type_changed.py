"""Another type is another table, unless the values can stay as they lie."""

import pytest

from app.domain.hazard_rules.type_changed import RULE
from app.domain.hazards import Risk
from tests.domain.hazard_rules.judging import findings, found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("integer", "bigint"),
        ("text", "varchar(10)"),
        ("timestamp without time zone", "timestamptz"),
        ("varchar(20)", "varchar(10)"),
        ("numeric(10,2)", "numeric(12,4)"),
        ("character(5)", "char(9)"),
        ("date", "timestamp"),
        ("text", "text COLLATE x USING lower(a)"),
        ("mood", "text"),
        ("integer", "integer[]"),
    ],
)
def test_the_table_is_written_anew(old: str, new: str) -> None:
    script = f"ALTER TABLE orders ALTER COLUMN a TYPE {new}"
    assert found(RULE, script, types={"orders.a": old}) == ["TABLE_REWRITE orders.a"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("character varying(20)", "varchar(30)"),
        ("varchar(20)", "text"),
        ("varchar(20)", "varchar"),
        ("text", "varchar"),
        ("numeric(10,2)", "decimal(12,2)"),
        ("numeric(10,2)", "numeric"),
        ("timestamp(3) without time zone", "timestamp(6)"),
        ("integer", "int4"),
        ("cidr", "inet"),
        ("bit varying(4)", "varbit(9)"),
    ],
)
def test_the_values_stay_as_they_lie(old: str, new: str) -> None:
    assert found(RULE, f"ALTER TABLE orders ALTER a SET DATA TYPE {new}", types={"orders.a": old}) == []


def test_without_the_old_type_it_may_be() -> None:
    (one,) = findings(RULE, "ALTER TABLE orders ALTER a TYPE bigint")
    assert one.risk is Risk.MEDIUM
    assert one.happens == "orders may be written anew: it depends on the type that a has now."


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE t (a int); ALTER TABLE t ALTER a TYPE bigint",
        "ALTER TABLE orders ALTER a SET DEFAULT 1",
        "ALTER TABLE orders ADD type text",
    ],
)
def test_a_new_table_and_other_changes_are_no_rewrite(script: str) -> None:
    assert found(RULE, script) == []
