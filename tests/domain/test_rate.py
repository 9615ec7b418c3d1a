"""How often something may happen."""

from datetime import timedelta

from app.domain.rate import Bucket, Rate, filled, full, since, taken, wait_s
from tests.domain.literals import NOON

RATE = Rate(most=3, every_s=6)


def test_as_many_as_the_bucket_holds_may_happen_at_once() -> None:
    bucket = full(RATE, NOON)
    for _ in range(3):
        assert wait_s(bucket, RATE) == 0
        bucket = taken(bucket)
    assert wait_s(bucket, RATE) == 6


def test_one_more_may_happen_each_time_that_has_passed() -> None:
    empty = Bucket(0.0, NOON)
    assert wait_s(filled(empty, RATE, NOON + timedelta(seconds=4)), RATE) == 2
    assert wait_s(filled(empty, RATE, NOON + timedelta(seconds=6)), RATE) == 0
    assert filled(empty, RATE, NOON + timedelta(hours=1)).left == 3


def test_a_clock_that_was_set_back_fills_nothing_and_empties_nothing() -> None:
    assert filled(Bucket(1.5, NOON), RATE, NOON - timedelta(hours=1)).left == 1.5


def test_after_a_clock_was_set_back_it_fills_from_then_on() -> None:
    earlier = NOON - timedelta(hours=1)
    kept = since(Bucket(0.0, NOON), earlier)
    assert kept == Bucket(0.0, earlier)
    assert wait_s(filled(kept, RATE, earlier + timedelta(seconds=6)), RATE) == 0


def test_a_clock_that_goes_on_takes_no_time_away() -> None:
    assert since(Bucket(0.5, NOON), NOON + timedelta(seconds=3)) == Bucket(0.5, NOON)


def test_an_empty_bucket_owes_nothing() -> None:
    assert taken(Bucket(0.2, NOON)).left == 0
