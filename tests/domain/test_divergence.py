import pytest

from app.domain import divergence
from app.domain.conflict import ConflictKind, ConflictState
from app.domain.divergence import Severity
from app.domain.environment import OutOfOrder
from app.domain.ledger import History, Status
from app.domain.migration import Catalog, Migration
from tests.domain.literals import applied, entry, sql

A, B, C = sql("a", "1"), sql("b", "2"), sql("c", "3")


def test_files_that_are_as_applied_do_not_diverge() -> None:
    assert divergence.of_history([A, B, C], applied(A, B), OutOfOrder.REFUSE) == ()


def test_a_changed_file_is_refused_with_both_checksums_and_its_file() -> None:
    changed = sql("a", "1", up="SELECT 'changed'")
    (found,) = divergence.of_history([changed], applied(A), OutOfOrder.REFUSE)
    assert (found.kind, found.severity) == (ConflictKind.CHECKSUM_MISMATCH, Severity.REFUSE)
    assert found.evidence == {
        "appliedChecksum": A.checksum.raw.hex(),
        "fileChecksum": changed.checksum.raw.hex(),
        "appliedAt": "2025-03-01T12:00:00+00:00",
        "file": "a.sql",
    }


def test_a_change_of_comments_alone_is_a_notice() -> None:
    (found,) = divergence.of_history([sql("a", "1", up="SELECT 'up'--")], applied(A), OutOfOrder.REFUSE)
    assert (found.kind, found.severity) == (ConflictKind.CHECKSUM_MISMATCH, Severity.NOTICE)


def test_a_changed_file_that_is_not_applied_now_is_nobodys_business() -> None:
    history = History.of([entry(A, 1, Status.ROLLED_BACK)])
    assert divergence.of_history([sql("a", "1", up="SELECT 'changed'")], history, OutOfOrder.REFUSE) == ()


def test_an_applied_migration_without_a_file_is_missing() -> None:
    (found,) = divergence.of_history([B], applied(A, B), OutOfOrder.REFUSE)
    assert (found.kind, found.severity, found.migrations) == (ConflictKind.MISSING_FILE, Severity.REFUSE, ("a",))
    assert found.message.startswith("a (1) is applied, but no file defines it")


def test_a_rolled_back_migration_without_a_file_is_not_missing() -> None:
    assert divergence.of_history([], History.of([entry(A, 1, Status.ROLLED_BACK)]), OutOfOrder.REFUSE) == ()


@pytest.mark.parametrize(("policy", "severity"), [("refuse", Severity.REFUSE), ("warn", Severity.NOTICE)])
def test_a_late_file_is_answered_as_the_policy_says(policy: str, severity: Severity) -> None:
    (found,) = divergence.of_history([A, B, C], applied(A, C), OutOfOrder(policy))
    assert (found.kind, found.severity, found.migrations) == (ConflictKind.OUT_OF_ORDER, severity, ("b",))
    assert found.evidence == {"pendingVersion": "2", "newestApplied": "c", "newestAppliedVersion": "3"}


def test_a_late_file_is_nothing_where_late_files_are_allowed() -> None:
    assert divergence.of_history([A, B, C], applied(A, C), OutOfOrder.ALLOW) == ()


def test_every_late_file_is_told() -> None:
    found = divergence.of_history([A, B, C], applied(C), OutOfOrder.REFUSE)
    assert [one.migrations for one in found] == [("a",), ("b",)]


def test_pending_files_after_the_newest_applied_one_are_in_order() -> None:
    assert divergence.of_history([A, B, C], applied(A), OutOfOrder.REFUSE) == ()


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ([sql("a", "1"), sql("a", "2")], ConflictKind.VERSION_COLLISION),
        ([sql("a", "1"), sql("b", "1")], ConflictKind.VERSION_COLLISION),
        ([sql("a", needs="ghost")], ConflictKind.MISSING_DEPENDENCY),
        ([sql("a", needs="a")], ConflictKind.CYCLE),
    ],
)
def test_files_that_contradict_each_other_are_refused_under_their_kind(
    files: list[Migration], kind: ConflictKind
) -> None:
    (found,) = divergence.of_files(Catalog(tuple(files)))
    assert (found.kind, found.severity) == (kind, Severity.REFUSE)


def test_a_version_used_twice_names_both_files() -> None:
    (found,) = divergence.of_files(Catalog((sql("a", "1"), sql("b", "1"))))
    assert found.migrations == ("a", "b")
    assert found.evidence["files"] == {"a.sql": {"name": "a", "version": "1"}, "b.sql": {"name": "b", "version": "1"}}


def test_a_missing_dependency_names_what_is_needed() -> None:
    (found,) = divergence.of_files(Catalog((sql("a", needs="ghost"),)))
    assert found.evidence["dependencies"] == {"a": ["ghost"]}


def test_a_cycle_names_all_that_are_on_it_and_nobody_else() -> None:
    files = sql("a", "1"), sql("b", "2", needs="d"), sql("c", "3", needs="b"), sql("d", "4", needs="c")
    (found,) = divergence.of_files(Catalog(files))
    assert found.migrations == ("b", "d", "c")
    assert found.evidence["dependencies"] == {"b": ["d"], "d": ["c"], "c": ["b"]}


def test_a_divergence_becomes_a_problem_with_its_migration_and_file() -> None:
    (found,) = divergence.of_history([sql("a", "1", up="SELECT 'changed'")], applied(A), OutOfOrder.REFUSE)
    problem = found.as_problem()
    assert (problem.code, problem.migration, problem.file) == ("checksum_mismatch", "a", "a.sql")


def test_a_refused_divergence_is_recorded_as_an_open_conflict_of_its_environment() -> None:
    (found,) = divergence.of_history([], applied(A), OutOfOrder.REFUSE)
    collision = found.as_collision("staging")
    assert (collision.environment, collision.state) == ("staging", ConflictState.OPEN)
    assert collision.answer == "refused before anything ran"


def test_the_same_divergence_has_one_fingerprint_and_another_environment_has_its_own() -> None:
    (one,) = divergence.of_history([], applied(A), OutOfOrder.REFUSE)
    (again,) = divergence.of_history([], applied(A), OutOfOrder.REFUSE)
    assert one.as_collision("staging").fingerprint == again.as_collision("staging").fingerprint
    assert one.as_collision("staging").fingerprint != one.as_collision("production").fingerprint


def test_another_edit_of_the_same_file_is_another_conflict() -> None:
    first, second = (
        divergence.of_history([sql("a", "1", up=text)], applied(A), OutOfOrder.REFUSE)[0].as_collision("staging")
        for text in ("SELECT 1", "SELECT 2")
    )
    assert first.fingerprint != second.fingerprint
