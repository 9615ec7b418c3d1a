"""An environment with several targets is as its worst one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.axes import NO_JOBS, Standing, SyncState, sync_of, unread
from app.domain.drift import DriftCheck, DriftState
from app.domain.environment import Dsn, Environment, Target
from app.domain.errors import BackendUnavailable
from app.domain.ledger import History, Status, shared
from app.domain.matrix import CellState, matrix_of
from app.domain.migration import Catalog
from app.domain.standing import MigrationState, statuses_of
from app.domain.whole import standing_of
from tests.domain.literals import NOON, applied, entry, sql

DSN = Dsn("postgresql://ada:secret@db/shop")
SHOP = Environment("shop", DSN, targets=(Target("eu", DSN), Target("us", DSN)))
EU, US = SHOP.each()
ONE, TWO = sql("one", "1"), sql("two", "2", up="SELECT 2")
FILES = Catalog((ONE, TWO))
AWAY = BackendUnavailable("nobody answers")


def standing(part: Environment, history: History | None, drift: DriftState = DriftState.CLEAN) -> Standing:
    check = DriftCheck(part.name, drift, drift.value, checked_at=NOON)
    if history is None:
        return Standing(part, unread(AWAY), check, NO_JOBS)
    statuses = statuses_of(part, FILES, history, ())
    return Standing(part, sync_of(statuses), check, NO_JOBS, statuses, recorded_as=part.name)


def whole(eu: Standing, us: Standing) -> Standing:
    return standing_of(SHOP, (eu, us), NO_JOBS)


@pytest.mark.parametrize(
    ("eu", "us", "state"),
    [
        (applied(ONE, TWO), applied(ONE, TWO), SyncState.IN_SYNC),
        (applied(ONE, TWO), applied(ONE), SyncState.BEHIND),
        (applied(ONE, TWO, sql("gone", "0")), applied(ONE), SyncState.AHEAD),
        (applied(ONE), None, SyncState.UNKNOWN),
        (None, applied(sql("one", "1", up="SELECT 'other'")), SyncState.DIVERGED),
    ],
)
def test_the_sync_of_the_worst_target_is_told(eu: History | None, us: History | None, state: SyncState) -> None:
    assert whole(standing(EU, eu), standing(US, us)).sync.state is state


def test_each_migration_stands_as_where_it_stands_worst_and_says_where() -> None:
    found = whole(
        standing(EU, applied(ONE, TWO)), standing(US, History.of([entry(ONE, 1), entry(TWO, 2, Status.FAILED)]))
    )
    assert found.statuses is not None
    assert [(one.name, one.state, one.target) for one in found.statuses] == [
        ("one", MigrationState.APPLIED, "shop.eu"),
        ("two", MigrationState.FAILED, "shop.us"),
    ]
    assert {one.environment for one in found.statuses} == {"shop"}


def test_drift_in_one_target_is_drift_of_the_whole() -> None:
    found = whole(standing(EU, applied(ONE)), standing(US, applied(ONE), DriftState.DRIFTED))
    assert (found.drift.state, found.drift.message) == (DriftState.DRIFTED, "shop.us: drifted")


def test_a_cell_of_the_matrix_names_the_target_and_one_that_is_away_is_unknown() -> None:
    found = whole(standing(EU, applied(ONE, TWO)), standing(US, None))
    (first, _) = matrix_of(FILES, [found]).rows
    assert (first.cells[0].state, first.cells[0].target) == (CellState.UNKNOWN, "shop.us")


def test_a_target_that_belongs_to_another_is_told_of_the_whole() -> None:
    strange = Standing(US, unread(AWAY), DriftCheck("shop.us", DriftState.CLEAN, ""), NO_JOBS, (), recorded_as="other")
    assert whole(standing(EU, applied(ONE)), strange).recorded_as == "other"


@pytest.mark.parametrize(("recorded", "answers"), [(None, True), ("shop.eu", True), ("shop", True), ("shop.us", False)])
def test_what_was_the_only_target_goes_on_as_one_of_several(recorded: str | None, answers: bool) -> None:
    assert EU.answers_to(recorded) is answers


def test_only_what_all_have_applied_from_one_text_is_shared_since_the_last_has_it() -> None:
    late = replace(entry(ONE, 1), updated_at=NOON + timedelta(hours=1))
    both = shared([applied(ONE, TWO), History.of([late])])
    assert [(one.name, one.updated_at) for one in both.entries] == [("one", NOON + timedelta(hours=1))]
    other = shared([applied(ONE), applied(sql("one", "1", up="SELECT 'other'"))])
    assert other.entries == ()
    alone = applied(ONE)
    assert shared([alone]) is alone
