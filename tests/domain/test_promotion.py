"""What has to be true elsewhere before a migration may run here, and what a sync brings."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.environment import Dsn, Environment, OutOfOrder
from app.domain.errors import ConflictsOpen, NotPromoted, OutsideWindow
from app.domain.job import JobKind, JobRequest, OutsideWindows
from app.domain.ledger import History, Status
from app.domain.migration import Catalog, Migration
from app.domain.promotion import (
    Surroundings,
    opening,
    plan_sync,
    refuse_outside_window,
    refuse_unpromoted,
    unready,
)
from app.domain.step import Plan, step_up
from app.domain.windows import Window, Windows
from tests.domain.literals import NOON, applied, entry, names, sql

A, B, C = sql("a", "1"), sql("b", "2", needs="a"), sql("c", "3")
LIVE = Environment("live", Dsn("postgresql://h/live"), requires=("staging",))
PATIENT = replace(LIVE, soak=timedelta(hours=24))
FREE = Environment("live", Dsn("postgresql://h/live"), out_of_order=OutOfOrder.ALLOW)
NIGHTS = Windows(allow=(Window("0 22 * * *", timedelta(hours=2)),))


def around(staging: History, hours: float = 0) -> Surroundings:
    return Surroundings(NOON + timedelta(hours=hours), {"staging": staging})


def run(environment: Environment, surroundings: Surroundings, *wanted: Migration) -> None:
    refuse_unpromoted(environment, [step_up(one) for one in wanted], surroundings)


def sync(
    here: History, there: History, environment: Environment = LIVE, *, hours: float = 0, to: str | None = None
) -> Plan:
    return plan_sync(environment, Catalog((A, B, C)), here, "staging", around(there, hours), to)


def test_what_is_completed_where_it_is_required_may_run() -> None:
    run(LIVE, around(applied(A, B)), A, B)
    assert unready(LIVE, step_up(A), around(applied(A, B))) is None


def test_what_is_not_completed_where_it_is_required_is_refused_with_each_name_and_how_far_it_may_go() -> None:
    with pytest.raises(NotPromoted) as refused:
        run(LIVE, around(applied(A)), A, B, C)
    assert [problem.message for problem in refused.value.problems] == [
        "b is not completed in staging, which live requires",
        "c is not completed in staging, which live requires",
    ]
    assert refused.value.next_steps == (
        'POST /migrations/run?environment=live {"to": "a"}',
        "POST /migrations/run?environment=staging",
    )


def test_what_was_rolled_back_where_it_is_required_is_refused_and_says_so() -> None:
    rolled_back = History.of([entry(A, 1, Status.ROLLED_BACK)])
    with pytest.raises(NotPromoted, match=r"a is not completed in staging, .* \(it is rolled_back there\)"):
        run(LIVE, around(rolled_back), A)


def test_the_same_name_with_another_file_is_not_the_same_migration() -> None:
    with pytest.raises(NotPromoted, match=r"a was completed in staging, .* as another file than this one") as refused:
        run(LIVE, around(applied(sql("a", up="SELECT 'other'"))), A)
    assert refused.value.next_steps == ("GET /environments/compare?from=staging&to=live",)


def test_a_file_that_was_accepted_in_the_place_of_another_soaks_from_then_on() -> None:
    accepted = History((replace(applied(A).entries[0], updated_at=NOON + timedelta(hours=20)),))
    assert unready(LIVE, step_up(A), around(accepted)) is None
    refused = unready(PATIENT, step_up(A), around(accepted, hours=30))
    assert refused is not None and "not before 2025-03-03T08:00:00" in refused.message
    assert unready(PATIENT, step_up(A), around(accepted, hours=44)) is None


def test_it_has_to_stand_where_it_is_required_for_as_long_as_it_soaks() -> None:
    with pytest.raises(
        NotPromoted, match=r"has to stand in staging for 1d .* not before 2025-03-02T12:00:00"
    ) as refused:
        run(PATIENT, around(applied(A), hours=23.9), A)
    # it stands there: to run it there again would do nothing
    assert refused.value.next_steps == ("not before 2025-03-02T12:00:00+00:00: POST /migrations/run?environment=live",)
    run(PATIENT, around(applied(A), hours=24), A)


def test_outside_of_its_window_nothing_runs_and_the_refusal_says_when_it_opens() -> None:
    environment = replace(LIVE, windows=NIGHTS)
    with pytest.raises(OutsideWindow) as refused:
        refuse_outside_window(environment, Plan((step_up(A),)), Surroundings(NOON))
    assert refused.value.facts["opensAt"] == "2025-03-01T22:00:00+00:00"
    refuse_outside_window(environment, Plan((step_up(A),)), Surroundings(NOON + timedelta(hours=10)))
    refuse_outside_window(environment, Plan(), Surroundings(NOON))


@pytest.mark.parametrize(
    ("kind", "asked", "hours", "waits"),
    [
        (JobKind.RUN, OutsideWindows.QUEUE, 0, True),
        (JobKind.SYNC, OutsideWindows.QUEUE, 0, True),
        (JobKind.RUN, OutsideWindows.QUEUE, 10, False),
        (JobKind.RUN, OutsideWindows.REFUSE, 0, False),
        (JobKind.ROLLBACK, OutsideWindows.QUEUE, 0, False),
    ],
)
def test_only_who_asks_for_it_waits_for_the_window(
    kind: JobKind, asked: OutsideWindows, hours: int, waits: bool
) -> None:
    request = JobRequest(kind, "live", outside_window=asked)
    opens = opening(replace(LIVE, windows=NIGHTS), request, NOON + timedelta(hours=hours))
    assert opens == (NOON + timedelta(hours=10) if waits else None)


def test_a_sync_brings_what_the_source_has_completed_in_the_order_of_the_files() -> None:
    assert names(sync(applied(), applied(B, A))) == ["a", "b"]
    assert names(sync(applied(A), applied(A, B, C))) == ["b", "c"]
    assert names(sync(applied(), applied(A, B, C), to="b")) == ["a", "b"]


def test_a_sync_holds_back_what_is_not_ready_and_everything_behind_it() -> None:
    young = replace(entry(B, 2), updated_at=NOON + timedelta(hours=10))
    there = History.of([entry(A, 1), young, entry(C, 3)])
    plan = sync(applied(), there, PATIENT, hours=25)
    assert names(plan) == ["a"]
    assert plan.remarks == (
        "held back: b has to stand in staging for 1d before it may run here: not before 2025-03-02T22:00:00+00:00; "
        "with it wait c",
    )


def test_what_it_has_beyond_the_source_is_named_and_left_alone() -> None:
    plan = sync(applied(A, C), applied(A), FREE)
    assert names(plan) == []
    assert plan.remarks == (
        "live is ahead of staging by c, which a sync leaves alone: run it in staging, or roll back in live",
    )


@pytest.mark.parametrize(
    ("here", "there", "message"),
    [
        (applied(), applied(sql("a", up="SELECT 'x'")), "a was completed in staging as another file than this one"),
        (applied(), applied(sql("gone", "9")), "gone is completed in staging, and no file defines it"),
        (
            applied(A),
            applied(sql("a", up="SELECT 'x'")),
            "a was completed in live and in staging as two different files",
        ),
        (applied(), applied(B), "b depends on a, which is completed neither in staging nor in live"),
    ],
)
def test_where_files_and_ledgers_disagree_nothing_is_brought(here: History, there: History, message: str) -> None:
    with pytest.raises(ConflictsOpen, match=message):
        sync(here, there)


MANY = tuple(
    sql(f"m{number}", str(number), needs=f"m{number - 1}" if number % 3 == 0 and number else "") for number in range(8)
)


@given(st.sets(st.integers(0, 7)), st.sets(st.integers(0, 7)), st.sets(st.integers(0, 7)))
def test_no_set_of_applied_migrations_brings_what_the_source_has_not_or_goes_out_of_order(
    here: set[int], there: set[int], required: set[int]
) -> None:
    environment = replace(FREE, requires=("qa",))
    ours, theirs = (applied(*(MANY[number] for number in sorted(some))) for some in (here, there))
    surroundings = Surroundings(
        NOON, {"staging": theirs, "qa": applied(*(MANY[number] for number in sorted(required)))}
    )
    try:
        plan = plan_sync(environment, Catalog(MANY), ours, "staging", surroundings, None)
    except ConflictsOpen as refused:
        assert refused.problems
        return
    brought = [int(name[1:]) for name in names(plan)]
    assert brought == sorted(brought)
    assert set(brought) <= (there & required) - here
    have = set(here)
    for number in brought:
        assert {int(needed[1:]) for needed in MANY[number].dependencies} <= have
        have.add(number)
    # it ends equal, or says why not
    assert have == there or plan.remarks
