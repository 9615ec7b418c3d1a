"""A type that cannot hold every value of the old one."""

import pytest

from app.domain.hazard_rules.type_narrowed import RULE
from app.domain.hazards import Risk
from tests.domain.hazard_rules.judging import findings, found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bigint", "integer"),
        ("text", "varchar(10)"),
        ("varchar(20)", "varchar(10)"),
        ("numeric(10,2)", "numeric(8,2)"),
        ("numeric(10,2)", "numeric(10,1)"),
        ("numeric(10,2)", "numeric(10,4)"),
        ("numeric", "numeric(10,2)"),
        ("timestamptz", "date"),
        ("double precision", "real"),
        ("timestamp", "timestamp(0)"),
        ("text", "integer USING a::int"),
        ("numeric", "bigint"),
        ("text", "mood USING a::mood"),
        ("integer", "varchar(3)"),
        ("varchar", "varchar(3)"),
    ],
)
def test_values_may_not_fit(old: str, new: str) -> None:
    script = f"ALTER TABLE orders ALTER COLUMN a TYPE {new}"
    assert found(RULE, script, types={"orders.a": old}) == ["TYPE_NARROWED orders.a"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("integer", "bigint"),
        ("smallint", "numeric"),
        ("varchar(10)", "varchar(20)"),
        ("varchar(10)", "text"),
        ("numeric(10,2)", "numeric(12,4)"),
        ("timestamp", "timestamptz"),
        ("date", "timestamptz"),
        ("real", "float8"),
        ("integer", "double precision"),
        ("uuid", "text"),
        ("varchar(20)", "varchar(20)"),
    ],
)
def test_every_value_fits(old: str, new: str) -> None:
    assert found(RULE, f"ALTER TABLE orders ALTER a TYPE {new}", types={"orders.a": old}) == []


@pytest.mark.parametrize(
    ("new", "hazards"),
    [
        ("smallint", ["TYPE_NARROWED orders.a"]),
        ("varchar(5)", ["TYPE_NARROWED orders.a"]),
        ("bigint", []),
        ("text", []),
    ],
)
def test_without_the_old_type_it_may_be_narrower(new: str, hazards: list[str]) -> None:
    script = f"ALTER TABLE orders ALTER a TYPE {new}"
    assert found(RULE, script) == hazards
    assert all(one.risk is Risk.MEDIUM for one in findings(RULE, script))
