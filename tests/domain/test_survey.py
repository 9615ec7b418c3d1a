"""Who would keep a plan waiting: sessions with a lock that conflicts with one of a step."""

import pytest

from app.domain.lock_modes import Lock, LockMode, conflict
from app.domain.locks import Session
from app.domain.survey import HeldLock, Survey, TableSize, blockers
from tests.domain.literals import NOON

ORDERS = TableSize("public.orders", 1, 8192, 8192)
READER, WRITER = Session(7, application="reports"), Session(8, application="shop")
MODES = tuple(LockMode)


def survey(*held: tuple[LockMode, Session]) -> Survey:
    locks = tuple(HeldLock("public.orders", mode, session) for mode, session in held)
    return Survey(NOON, "15.4", {"public.orders": ORDERS, "public.orders_by_note": ORDERS}, locks)


# https://www.postgresql.org/docs/15/explicit-locking.html, Table 13.2, a row for each mode
TABLE = (
    "00000001",
    "00000011",
    "00001111",
    "00011111",
    "00110111",
    "00111111",
    "01111111",
    "11111111",
)


@pytest.mark.parametrize(("one", "row"), list(zip(MODES, TABLE, strict=True)))
def test_modes_conflict_as_the_documentation_says(one: LockMode, row: str) -> None:
    assert "".join("1" if conflict(one, other) else "0" for other in MODES) == row


def test_a_session_with_a_conflicting_lock_is_in_the_way_of_the_first_step_that_needs_the_table() -> None:
    seen = survey((LockMode.ACCESS_SHARE, READER), (LockMode.ROW_EXCLUSIVE, WRITER))
    index = (Lock("public.orders", LockMode.SHARE),)
    alter = (Lock("public.orders", LockMode.ACCESS_EXCLUSIVE),)
    found = blockers(seen, [(), index, alter])
    assert [(one.session.pid, one.step, one.needs.value, one.holds.value) for one in found] == [
        (8, 1, "SHARE", "ROW EXCLUSIVE"),
        (7, 2, "ACCESS EXCLUSIVE", "ACCESS SHARE"),
    ]


def test_the_lock_on_an_index_meets_those_on_its_table() -> None:
    seen = survey((LockMode.ACCESS_SHARE, READER))
    drop = (Lock("public.orders_by_note", LockMode.ACCESS_EXCLUSIVE, of_index=True),)
    (found,) = blockers(seen, [drop])
    assert found.said(NOON) == "pid 7 (reports) is at work and holds ACCESS SHARE on orders"


def test_a_table_that_the_plan_makes_is_in_nobodys_way() -> None:
    seen = survey((LockMode.ACCESS_EXCLUSIVE, WRITER))
    assert blockers(seen, [(Lock("public.new", LockMode.ACCESS_EXCLUSIVE),)]) == ()
