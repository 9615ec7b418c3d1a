"""A constraint that is validated in the transaction that added it stops everybody after all."""

import pytest

from app.domain.hazard_rules.validated_at_once import RULE
from tests.domain.hazard_rules.judging import found

VALIDATE = "ALTER TABLE orders VALIDATE CONSTRAINT c"
CHECK = "ALTER TABLE orders ADD CONSTRAINT c CHECK (a > 0) NOT VALID"
KEY = "ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES b (id) NOT VALID"


@pytest.mark.parametrize(("script", "hazards"), [
    (f"{CHECK}; {VALIDATE}", ["BLOCKS_READS orders"]),
    (f"{KEY}; {VALIDATE}", ["BLOCKS_WRITES orders"]),
    (f"{KEY}; ALTER TABLE orders ADD x int; {VALIDATE}", ["BLOCKS_READS orders"]),
    (f"{VALIDATE}, ADD COLUMN x int", ["BLOCKS_READS orders"]),
])  # fmt: skip
def test_the_lock_that_was_taken_before_is_held_while_every_row_is_read(script: str, hazards: list[str]) -> None:
    assert found(RULE, script) == hazards


@pytest.mark.parametrize("script", [
    VALIDATE, f"ALTER TABLE lines ADD x int; {VALIDATE}", f"{VALIDATE}; {CHECK}",
    f"UPDATE orders SET a = 1; {VALIDATE}",
    f"CREATE TABLE orders (a int); {CHECK}; {VALIDATE}",
])  # fmt: skip
def test_alone_it_lets_everybody_go_on(script: str) -> None:
    assert found(RULE, script) == []


def test_in_two_transactions_nothing_is_held() -> None:
    assert found(RULE, CHECK, VALIDATE) == []
    assert found(RULE, f"{CHECK}; {VALIDATE}", transactional=False) == []
