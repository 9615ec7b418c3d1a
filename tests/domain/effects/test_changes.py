"""What a step has changed, in sentences."""

import pytest

from app.domain.effects import Passage, Seen, dry_run_of
from app.domain.effects.changes import changes_of
from app.domain.lock_modes import Lock, LockMode
from app.domain.step import step_up
from tests.domain.effects.literals import column, part, seen, table, thing
from tests.domain.literals import sql

A = table(1, "public.a", column("id"), column("note", "text", 2))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (seen(A), seen(A), ()),
        (seen(), seen(A), ("table public.a is made (2 columns)",)),
        (seen(A), seen(), ("table public.a is dropped (2 columns)",)),
        (seen(A), seen(table(2, "public.a", column("id"), column("note", "text", 2))),
         ("table public.a is dropped and made again",)),
        (seen(A), seen(table(1, "public.b", column("id"), column("note", "text", 2))),
         ("table public.a is called public.b now",)),
        (seen(A), seen(table(1, "public.a", column("id", "bigint"), column("note", "text", 2))),
         ("column public.a.id: type was integer, is now bigint",)),
        (seen(A), seen(table(1, "public.a", column("key", "bigint"), column("note", "text", 2))),
         ("column public.a.id is called key now: type was integer, is now bigint",)),
        (seen(A), seen(table(1, "public.a", column("id"), column("note", "text", 2), column("x", "date", 3))),
         ("column public.a.x is made: date",)),
        (seen(A), seen(A, part(5, "index", "public.i", "CREATE INDEX i ON public.a (id)", of="public.a")),
         ("index public.i is made: CREATE INDEX i ON public.a (id)",)),
        (seen(thing(5, "enum", "public.e", labels=["a"])), seen(thing(6, "enum", "public.e", labels=["b"])),
         ("enum public.e is dropped and made again",)),
    ],
)  # fmt: skip
def test_each_change_is_a_sentence(before: Seen, after: Seen, expected: tuple[str, ...]) -> None:
    assert changes_of(Passage(before, after)) == expected


def test_of_very_many_changes_the_first_are_kept_and_all_are_counted() -> None:
    after = seen(*(table(number, f"public.t{number:03}") for number in range(1, 61)))
    kept = dry_run_of(step_up(sql("a")), seen(), after, ())
    assert (len(kept.changes), kept.total, len(kept.made)) == (50, 60, 60)


def test_locks_that_nobody_could_see_are_not_none_at_all() -> None:
    held = [Lock("public.a", LockMode.SHARE)]
    assert dry_run_of(step_up(sql("a")), seen(A), seen(A), held).locks == tuple(held)
    assert dry_run_of(step_up(sql("a")), seen(A), seen(A), ()).locks == ()
    assert dry_run_of(step_up(sql("a")), seen(A), seen(A), None).locks is None


@pytest.mark.parametrize(
    ("up", "codes"),
    [
        ("DELETE FROM a WHERE id > 0", set()),
        ("DO $$ BEGIN UPDATE a SET note = 'x' WHERE id > 0; DELETE FROM ONLY a WHERE id > 1; END $$", set()),
        ("DO $$ BEGIN EXECUTE 'DELETE FROM a'; END $$", {"ROWS_REMOVED"}),
        ("DELETE FROM b WHERE id > 0", {"ROWS_REMOVED"}),
    ],
)
def test_rows_that_a_statement_of_the_file_changes_are_left_to_it(up: str, codes: set[str]) -> None:
    before, after = seen(A, rows={"public.a": "abc"}), seen(A, rows={"public.a": ""})
    assert {one.code for one in dry_run_of(step_up(sql("a", up=up)), before, after, ()).effects} == codes
