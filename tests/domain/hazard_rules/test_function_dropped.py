"""A function that goes, and one that comes back otherwise."""

import pytest

from app.domain.hazard_rules.function_dropped import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(
    ("script", "hazards"),
    [
        ("DROP FUNCTION total(int)", ["FUNCTION_DROPPED total"]),
        ("DROP FUNCTION IF EXISTS a(int, text), b", ["FUNCTION_DROPPED a", "FUNCTION_DROPPED b"]),
        ("DROP PROCEDURE p()", ["FUNCTION_DROPPED p"]),
        (
            "DROP FUNCTION total(int); CREATE FUNCTION total(bigint) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            ["FUNCTION_CHANGED total"],
        ),
        (
            "DROP FUNCTION total; CREATE OR REPLACE FUNCTION total() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            ["FUNCTION_CHANGED total"],
        ),
    ],
)
def test_a_function_goes_or_is_made_again(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize(
    "script",
    [
        "CREATE OR REPLACE FUNCTION total() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; DROP FUNCTION f()",
        "DROP TRIGGER t ON orders",
    ],
)
def test_a_replaced_function_keeps_its_arguments_and_its_result(script: str) -> None:
    assert found(RULE, script) == []
