"""What would be kept, how large and slow that is, and what is lost: told from what a target holds, without it."""

from dataclasses import replace

import pytest

from app.domain.estimate import Estimate
from app.domain.examination import FoundHazards, examine
from app.domain.foresight import settled
from app.domain.holdings import HeldColumn, Holder, Holding, Holdings, Reached, Via
from app.domain.keeping import COPY_MB_S, ROW_BYTES, WATCH_MB_S, Keep, Keeping, keeping_of
from app.domain.preserved import PreservedKind as Kind
from app.domain.step import step_up
from app.domain.taking import removals_of
from tests.domain.literals import sql

MB = 1_000_000
ID, NOTE = HeldColumn("id", "bigint", width_bytes=8, empty=0), HeldColumn("note", "text", width_bytes=40, empty=0.5)
WIDE = Holding(
    "public.notes", Holder.TABLE, 9, 9, (ID, NOTE, *(replace(NOTE, name=f"c{n}") for n in range(499))), (("id",),)
)
NOTES = Holding("public.notes", Holder.TABLE, 1_000_000, 100 * MB, (ID, NOTE), (("id",),))


def keeping(up: str, *reached: Reached, holding: Holding = NOTES, most: int = 10_000 * MB) -> Keeping:
    """Of one migration; `reached`: what the target says that its removals befall."""
    steps = [step_up(sql("a", up=up))]
    holdings = Holdings(reached, {holding.name: holding})
    return keeping_of(steps, removals_of(steps), holdings, most)


def one(
    up: str, kind: Kind, *columns: str, holding: Holding = NOTES, via: Via = Via.ITSELF, most: int = 10**12
) -> Keep:
    (found,) = keeping(up, Reached(0, kind, "public.notes", columns, via), holding=holding, most=most).keeps
    return found


def test_a_copied_table_is_as_large_as_it_is_and_takes_its_bytes_at_the_measured_rate() -> None:
    kept = one("DROP TABLE notes", Kind.TABLE)
    assert (kept.rows, kept.bytes, kept.why_not) == (1_000_000, 100 * MB, None)
    assert kept.estimate.ms == 10 + 100_000 // COPY_MB_S
    assert kept.estimate.basis == f"notes is copied: 100.0 MB at {COPY_MB_S} MB/s"
    assert kept.says == "keeps the table notes (about 1000000 rows, 100.0 MB)"


@pytest.mark.parametrize(
    ("up", "changed", "moved"),
    [
        ("DROP TABLE notes", {}, True),
        ("CREATE TABLE other (id int); DROP SCHEMA public CASCADE", {}, True),
        ("DROP TABLE notes", {"movable": False}, False),
        ("DROP TABLE notes", {"bytes": 8 * 1024 * 1024 - 1}, False),
        ("DROP TABLE notes", {"bytes": None}, False),
        ("DROP TABLE other CASCADE", {}, False),
        ("DROP INDEX i; DROP TABLE notes", {}, False),
        ("SELECT count(*) FROM notes; DROP TABLE notes", {}, False),
    ],
)
def test_a_large_table_is_said_to_be_moved_where_the_keeper_moves_it(
    up: str, changed: dict[str, int | bool | None], moved: bool
) -> None:
    kept = one(up, Kind.TABLE, holding=replace(NOTES, **{"movable": True, **changed}))  # type: ignore[arg-type]
    assert kept.moved is moved and kept.why_not is None
    if moved:
        assert kept.estimate == Estimate(510, "notes is moved, not copied, and read: 100.0 MB at 200 MB/s")
        assert kept.says == "keeps the table notes (about 1000000 rows, 100.0 MB), moved and not copied"


def test_a_column_is_as_large_as_its_key_and_its_values_and_the_table_is_read_for_it() -> None:
    kept = one("ALTER TABLE notes DROP note", Kind.COLUMNS, "note")
    assert kept.bytes == 1_000_000 * (ROW_BYTES + 8 + 40)
    assert "key and value are copied" in kept.estimate.basis and "notes is read: 100.0 MB" in kept.estimate.basis
    unanalysed = replace(NOTES, columns=(HeldColumn("id", "bigint"), HeldColumn("note", "text")))
    assert one("ALTER TABLE notes DROP note", Kind.COLUMNS, "note", holding=unanalysed).bytes == 100 * MB


def test_rows_that_a_condition_picks_are_at_most_all() -> None:
    kept = one("DELETE FROM notes WHERE id = 1", Kind.DELETED)
    assert (kept.at_most, kept.rows) == (True, 1_000_000)
    assert kept.estimate.ms == 10 + 100_000 // WATCH_MB_S
    assert kept.says == "keeps deleted rows of notes (at most 1000000 rows, 100.0 MB)"
    assert not one("DELETE FROM notes", Kind.DELETED).at_most


@pytest.mark.parametrize(
    ("up", "kind", "columns", "holding", "why"),
    [
        ("ALTER TABLE notes DROP note", Kind.COLUMNS, ("note",), replace(NOTES, keys=()), "no primary key"),
        ("ALTER TABLE notes DROP id", Kind.COLUMNS, ("id",), NOTES, "no primary key"),
        ("UPDATE notes SET note = ''", Kind.UPDATED, ("note",), replace(NOTES, keys=()), "no primary key"),
        ("UPDATE notes SET note = ''", Kind.UPDATED, ("note",), WIDE, "more than 500 columns"),
        ("UPDATE notes SET id = 1", Kind.UPDATED, ("id",), NOTES, "the key by which"),
        ("DELETE FROM notes", Kind.DELETED, (), replace(NOTES, holder=Holder.PARENT), "other tables inherit from it"),
        ("DELETE FROM notes", Kind.DELETED, (), replace(NOTES, holder=Holder.FOREIGN), "foreign table"),
        ("DELETE FROM notes", Kind.DELETED, (), replace(NOTES, forced=True), "row security is forced"),
        ("VACUUM notes; DROP TABLE notes", Kind.TABLE, (), NOTES, "outside a transaction"),
    ],
)
def test_what_cannot_be_kept_has_the_reason_and_takes_no_time(
    up: str, kind: Kind, columns: tuple[str, ...], holding: Holding, why: str
) -> None:
    lost = one(up, kind, *columns, holding=holding)
    assert lost.why_not is not None and why in lost.why_not
    assert lost.estimate.ms == 0 and lost.says.startswith("loses ")


def test_rows_that_a_parent_deletes_are_seen_by_no_trigger_and_those_that_it_truncates_are() -> None:
    assert one("DELETE FROM base", Kind.DELETED, via=Via.PARENT).why_not is not None
    assert one("TRUNCATE base", Kind.DELETED, via=Via.PARENT).why_not is None


def test_more_than_the_limit_is_lost_unless_nobody_knows_how_much_it_is() -> None:
    lost = one("DROP TABLE notes", Kind.TABLE, most=99 * MB)
    assert lost.why_not == "that is more than the 99.0 MB that are kept at most (LIFTLOCK_PRESERVE_MAX_MB)"
    assert one("DROP TABLE notes", Kind.TABLE, most=100 * MB).why_not is None
    assert one("DELETE FROM notes WHERE id = 1", Kind.DELETED, most=99 * MB).why_not is None


def test_rows_with_nothing_in_their_only_key_are_lost_and_the_others_kept() -> None:
    nullable = replace(NOTES, columns=(replace(ID, empty=0.25), NOTE))
    kept, lost = keeping(
        "ALTER TABLE notes DROP note", Reached(0, Kind.COLUMNS, "public.notes", ("note",)), holding=nullable
    ).keeps
    assert (kept.why_not, kept.rows) == (None, 1_000_000)
    assert (lost.why_not, lost.rows) == ("there is nothing in their key", 250_000)


def test_a_table_without_a_row_loses_none() -> None:
    empty = replace(NOTES, rows=0, bytes=8192, keys=())
    for up, kind, columns in (
        ("DELETE FROM notes", Kind.DELETED, ()), ("ALTER TABLE notes DROP note", Kind.COLUMNS, ("note",)),
    ):  # fmt: skip
        assert keeping(up, Reached(0, kind, "public.notes", columns), holding=empty).keeps == ()


def test_of_one_table_there_is_one_set_whichever_statements_take_from_it() -> None:
    up = "ALTER TABLE notes DROP a; ALTER TABLE notes DROP note; DELETE FROM notes WHERE id = 1; DELETE FROM notes"
    holding = replace(NOTES, columns=(ID, NOTE, HeldColumn("a", "int")))
    found = keeping(
        up,
        Reached(0, Kind.COLUMNS, "public.notes", ("a",)),
        Reached(1, Kind.COLUMNS, "public.notes", ("note",)),
        Reached(2, Kind.DELETED, "public.notes"),
        Reached(3, Kind.DELETED, "public.notes"),
        holding=holding,
    ).keeps
    assert [(keep.kind, keep.columns, keep.at_most) for keep in found] == [
        (Kind.COLUMNS, ("a", "note"), False), (Kind.DELETED, (), False),
    ]  # fmt: skip


def test_what_goes_with_its_table_is_not_said_again() -> None:
    up = "DELETE FROM notes; DROP TABLE notes"
    (kept,) = keeping(up, Reached(0, Kind.DELETED, "public.notes"), Reached(1, Kind.TABLE, "public.notes")).keeps
    assert kept.kind is Kind.TABLE


def test_only_a_step_whose_own_statements_do_not_say_which_rows_they_write_is_run_twice() -> None:
    assert keeping("DELETE FROM notes", Reached(0, Kind.DELETED, "public.notes")).twice == frozenset()
    for up, kind in (("DROP TABLE notes", Kind.TABLE), ("WITH d AS (DELETE FROM notes) SELECT 1", Kind.DELETED)):
        assert keeping(up, Reached(0, kind, "public.notes")).twice == {"a"}


def test_a_size_that_nobody_may_see_leaves_the_time_open() -> None:
    held = one("DROP TABLE notes", Kind.TABLE, holding=replace(NOTES, rows=None, bytes=None))
    assert (held.estimate.ms, held.why_not) == (None, None)
    assert held.says == "keeps the table notes"


def settle(up: str, *reached: Reached, holding: Holding = NOTES) -> FoundHazards:
    steps = [step_up(sql("a", up=up))]
    found = examine(steps)
    keeps = keeping_of(steps, found.removals, Holdings(reached, {holding.name: holding}), 10**12)
    return settled(found, steps, keeps)


def test_what_is_kept_is_no_data_loss() -> None:
    assert [hazard.code for hazard in settle("TRUNCATE notes", Reached(0, Kind.DELETED, "public.notes")).hazards] == [
        "ROWS_REMOVED"
    ]


def test_what_is_lost_takes_the_place_of_what_would_only_be_removed() -> None:
    (lost,) = settle(
        "SELECT 1;\nTRUNCATE notes", Reached(0, Kind.DELETED, "public.notes"), holding=replace(NOTES, forced=True)
    ).hazards
    assert (lost.code, lost.object, lost.line, lost.statement) == ("DATA_LOSS", "notes", 2, 1)
    assert (lost.rows, lost.bytes) == (1_000_000, 100 * MB)
    assert lost.happens == (
        "Lost for good, deleted rows of notes (about 1000000 rows, 100.0 MB): row security is forced on it."
    )


def test_a_file_allows_what_is_lost_and_says_why() -> None:
    up = "-- liftlock: allow DATA_LOSS nobody reads it\nALTER TABLE notes DROP note"
    found = settle(up, Reached(0, Kind.COLUMNS, "public.notes", ("note",)), holding=replace(NOTES, keys=()))
    assert [(hazard.code, hazard.object, hazard.allowed) for hazard in found.hazards] == [
        ("COLUMN_DROPPED", "notes.note", None), ("DATA_LOSS", "notes.note", "nobody reads it"),
    ]  # fmt: skip
