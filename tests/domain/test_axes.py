"""The axis of files against ledger: what each state takes, and its evidence."""

from dataclasses import replace

import pytest

from app.domain.axes import MOST_NAMED, JobsSeen, Named, Standing, Sync, SyncState, sync_of, unread
from app.domain.conflict import ConflictKind
from app.domain.divergence import Divergence, Severity, of_history
from app.domain.drift import unseen
from app.domain.environment import Dsn, Environment, OutOfOrder, Protection
from app.domain.errors import BackendUnavailable
from app.domain.ledger import UNCERTAIN, History, Status
from app.domain.migration import Catalog, Migration
from app.domain.problem import Problem
from app.domain.standing import MigrationState, statuses_of
from tests.domain.literals import applied, entry, sql

STAGING = Environment("staging", Dsn("postgresql://ada:secret@db/shop"), Protection.CONFIRM)
ONE, TWO, THREE = sql("one", "1"), sql("two", "2", up="SELECT 2"), sql("three", "3", up="SELECT 3")


def sync(files: list[Migration], history: History, *found: Divergence, problems: tuple[Problem, ...] = ()) -> Sync:
    return sync_of(statuses_of(STAGING, Catalog(tuple(files), problems), history, found))


def names(found: Sync) -> dict[str, tuple[str, ...]]:
    """What there is evidence of."""
    assert found.evidence is not None
    groups = ("pending", "blocked", "failed", "missing", "modified", "uncertain")
    said = {group: getattr(found.evidence, group).names for group in groups}
    return {group: named for group, named in said.items() if named}


def test_all_files_applied_and_nothing_else_is_in_sync() -> None:
    found = sync([ONE, TWO], applied(ONE, TWO))
    assert (found.state, found.message, names(found)) == (SyncState.IN_SYNC, "2 migrations applied, none pending", {})


def test_files_that_wait_make_it_behind_with_their_names_in_order() -> None:
    found = sync([THREE, ONE, TWO], applied(ONE))
    assert (found.state, found.message) == (SyncState.BEHIND, "2 pending: two, three")
    assert names(found) == {"pending": ("two", "three")}


def test_what_was_rolled_back_waits_like_any_other_file() -> None:
    found = sync([ONE, TWO], History.of([entry(ONE, 1), entry(TWO, 2, Status.ROLLED_BACK)]))
    assert (found.state, names(found)) == (SyncState.BEHIND, {"pending": ("two",)})


def test_what_was_rolled_back_and_has_no_file_any_more_waits_for_nothing() -> None:
    found = sync([ONE], History.of([entry(ONE, 1), entry(TWO, 2, Status.ROLLED_BACK)]))
    assert (found.state, names(found)) == (SyncState.IN_SYNC, {})


def test_a_failed_one_is_pending_too_and_named_apart() -> None:
    found = sync([ONE, TWO], History.of([entry(ONE, 1), entry(TWO, 2, Status.FAILED)]))
    assert (found.state, found.message) == (SyncState.BEHIND, "1 failed: two; 1 pending: two")
    assert names(found) == {"failed": ("two",), "pending": ("two",)}


def test_applied_without_a_file_makes_it_ahead() -> None:
    found = sync([ONE], applied(ONE, TWO))
    assert (found.state, found.message) == (SyncState.AHEAD, "1 applied without a file: two")
    assert names(found) == {"missing": ("two",)}


def test_one_missing_and_one_pending_have_diverged() -> None:
    assert sync([ONE, THREE], applied(ONE, TWO)).state is SyncState.DIVERGED


def test_another_text_than_the_applied_one_has_diverged() -> None:
    changed = sql("one", "1", up="SELECT 'changed'")
    found = sync([changed], applied(ONE))
    assert (found.state, names(found)) == (SyncState.DIVERGED, {"modified": ("one",)})


def test_other_comments_are_no_divergence() -> None:
    assert sync([sql("one", "1", up="--SELECT 'up'")], applied(ONE)).state is SyncState.IN_SYNC


def test_what_nobody_knows_is_not_claimed() -> None:
    unsure = replace(entry(TWO, 2, Status.FAILED), error_message=f"{UNCERTAIN}the connection was lost")
    found = sync([ONE, TWO], History.of([entry(ONE, 1), unsure]))
    assert (found.state, found.message) == (SyncState.UNKNOWN, "1 uncertain: two")
    changed = sql("one", "1", up="SELECT 'changed'")
    assert sync([changed, TWO], History.of([entry(ONE, 1), unsure])).state is SyncState.DIVERGED


def test_blocked_files_and_files_that_cannot_be_read_are_pending() -> None:
    late = of_history([ONE, TWO], applied(TWO), OutOfOrder.REFUSE)
    broken = Problem("not_utf8", "the file is not UTF-8", file="3_three.sql")
    found = sync([ONE, TWO], applied(TWO), *late, problems=(broken,))
    assert found.state is SyncState.BEHIND
    assert names(found) == {"pending": ("one", "3_three.sql"), "blocked": ("one", "3_three.sql")}


def test_a_notice_blocks_nothing() -> None:
    said = Divergence(ConflictKind.OUT_OF_ORDER, Severity.NOTICE, "it sorts before", ("one",))
    (one, _) = statuses_of(STAGING, Catalog((ONE, TWO)), applied(TWO), (said,))
    assert one.state is MigrationState.PENDING


def test_names_are_cut_and_counts_are_not() -> None:
    files = [sql(f"m{number:03}", str(number)) for number in range(1, 61)]
    found = sync(files, History())
    assert found.evidence is not None
    assert (found.evidence.pending.count, len(found.evidence.pending.names)) == (60, MOST_NAMED)
    assert found.message == "60 pending: m001, m002, m003 and 57 more"


def test_a_target_that_cannot_be_read_is_unknown_with_the_reason_and_no_evidence() -> None:
    assert unread(BackendUnavailable("nothing listens there")) == Sync(SyncState.UNKNOWN, "nothing listens there")


@pytest.mark.parametrize(
    ("recorded", "counts"),
    [(None, Protection.CONFIRM), (Protection.OPEN, Protection.CONFIRM), (Protection.LOCKED, Protection.LOCKED)],
)
def test_the_stricter_protection_counts(recorded: Protection | None, counts: Protection) -> None:
    found = Standing(STAGING, Sync(SyncState.IN_SYNC, ""), unseen("staging"), JobsSeen(), (), recorded)
    assert found.protection is counts


def test_three_names_are_said_in_full() -> None:
    assert str(Named(3, ("a", "b", "c"))) == "a, b, c"
