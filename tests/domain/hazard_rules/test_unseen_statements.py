"""What is made while it runs has been judged by nobody."""

import pytest

from app.domain.hazard_rules.unseen_statements import RULE
from app.domain.hazards import Risk
from tests.domain.hazard_rules.judging import findings, found


@pytest.mark.parametrize(("script", "hazards"), [
    ("DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'orders'; END $$", ["UNSEEN_STATEMENTS DO"]),
    ("DO LANGUAGE plpgsql $$ BEGIN DROP TABLE orders; END $$", ["UNSEEN_STATEMENTS DO"]),
    ("CALL shop.clean(1)", ["UNSEEN_STATEMENTS shop.clean"]),
])  # fmt: skip
def test_nobody_has_judged_it(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    "DROP TABLE orders",
    "CREATE TRIGGER t AFTER INSERT ON orders EXECUTE FUNCTION f()",
])  # fmt: skip
def test_what_is_written_out_is_judged(script: str) -> None:
    assert found(RULE, script) == []


def test_a_block_without_execute_is_less_of_a_risk() -> None:
    made = findings(RULE, "DO $$ BEGIN EXECUTE 'x'; END $$")
    written = findings(RULE, "DO $$ BEGIN PERFORM 'EXECUTE'; END $$")
    assert ([one.risk for one in made], [one.risk for one in written]) == ([None], [Risk.LOW])
