"""How many requests a token may send, and what it is told when it has sent too many."""

import pytest

from app.domain.errors import TooOften
from app.domain.rate import Rate
from app.services.allowance import Allowance, Left
from app.services.tries import FailedTries
from tests.fakes.clock import FakeClock


def test_a_burst_is_taken_then_one_by_one_and_nobody_else_pays_for_it() -> None:
    clock = FakeClock()
    allowance = Allowance(clock, Rate(most=3, every_s=2))
    assert [allowance.take("a").requests for _ in range(3)] == [2, 1, 0]
    with pytest.raises(TooOften) as refused:
        allowance.take("a")
    assert refused.value.facts["retryAfterS"] == 2
    assert allowance.take("b") == Left(2, 2)
    clock.advance(2)
    assert allowance.take("a") == Left(0, 6)


def test_refused_requests_do_not_put_off_the_next_one() -> None:
    clock = FakeClock()
    allowance = Allowance(clock, Rate(most=1, every_s=10))
    allowance.take("a")
    for _ in range(9):
        clock.advance(1)
        with pytest.raises(TooOften):
            allowance.take("a")
    clock.advance(1)
    assert allowance.take("a").requests == 0


def test_a_clock_that_is_set_back_puts_off_nobody_for_longer_than_is_said() -> None:
    clock = FakeClock()
    allowance, tries = Allowance(clock, Rate(most=1, every_s=10)), FailedTries(clock, Rate(most=1, every_s=10))
    allowance.take("a")
    tries.failed("10.0.0.1")
    clock.advance(-3_600)
    with pytest.raises(TooOften):
        allowance.take("a")
    assert tries.wait_s("10.0.0.1") == 10
    clock.advance(10)
    assert allowance.take("a").requests == 0
    assert tries.wait_s("10.0.0.1") == 0


def test_those_who_have_asked_longest_ago_are_forgotten_first() -> None:
    allowance = Allowance(FakeClock(), Rate(most=1, every_s=10), most=2)
    for caller in ("a", "b", "c"):
        allowance.take(caller)
    assert allowance.take("a").requests == 0
    with pytest.raises(TooOften):
        allowance.take("c")
