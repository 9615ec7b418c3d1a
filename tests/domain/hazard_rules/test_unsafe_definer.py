"""SECURITY DEFINER needs a search_path of its own."""

import pytest

from app.domain.hazard_rules.unsafe_definer import RULE
from tests.domain.hazard_rules.judging import found


@pytest.mark.parametrize(
    ("script", "hazards"),
    [
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'", ["UNSAFE_DEFINER f"]),
        (
            "CREATE OR REPLACE PROCEDURE shop.p() LANGUAGE sql SECURITY DEFINER AS 'SET search_path = x'",
            ["UNSAFE_DEFINER shop.p"],
        ),
        ("ALTER FUNCTION f() SECURITY DEFINER", ["UNSAFE_DEFINER f"]),
    ],
)
def test_without_a_search_path_callers_choose_what_is_run(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize(
    "script",
    [
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT 1'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1 -- SECURITY DEFINER'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY INVOKER AS 'x'",
        "ALTER FUNCTION f() SECURITY DEFINER SET search_path = pg_catalog",
    ],
)
def test_with_one_they_do_not(script: str) -> None:
    assert found(RULE, script) == []
