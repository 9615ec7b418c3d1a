"""A look at the locks, told in one sentence, and only when it is news."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.locks import LockSample, Session

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOLDER = Session(8123, "shop", "billing", "idle in transaction", "UPDATE orders", NOW - timedelta(seconds=412))
WAITING = LockSample(NOW, 77, 0, "AccessExclusiveLock", "orders", (HOLDER,))


def test_a_sample_names_what_it_waits_for_and_who_holds_it_since_when() -> None:
    assert WAITING.said() == (
        "waiting for ACCESS EXCLUSIVE on orders: pid 8123 (billing) is idle in transaction for 6 m 52 s"
    )


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        (replace(WAITING, relation=None), "waiting for ACCESS EXCLUSIVE: pid 8123"),
        (replace(WAITING, relation=None, mode=None), "waiting for a lock: pid 8123"),
        (replace(WAITING, blockers=(HOLDER, HOLDER, HOLDER)), "(and 2 more)"),
        (replace(WAITING, blockers=(Session(0),)), "a prepared transaction"),
        (
            replace(WAITING, blockers=(Session(5, "ada", since=NOW - timedelta(hours=3)),)),
            "pid 5 (ada) is at work for 3 h",
        ),
    ],
)
def test_what_is_not_known_is_left_out(sample: LockSample, said: str) -> None:
    assert said in sample.said()


def test_only_news_is_worth_a_record() -> None:
    nothing = LockSample(NOW, 77, 0)
    later = replace(WAITING, at=NOW + timedelta(seconds=9))
    assert not nothing.differs_from(None)
    assert WAITING.differs_from(None) and WAITING.differs_from(nothing) and nothing.differs_from(WAITING)
    assert not later.differs_from(WAITING)
    assert replace(WAITING, blocked=(Session(9),)).differs_from(WAITING)
    assert replace(WAITING, blockers=(replace(HOLDER, query="COMMIT"),)).differs_from(WAITING)
