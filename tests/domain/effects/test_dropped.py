"""What is gone is reported once, under the code that its DROP has."""

from typing import Any

import pytest

from app.domain.effects import Seen
from tests.domain.effects.literals import column, happened, part, seen, table, thing

NOTE = column("note", "text", 2)
A = table(1, "public.a", column("id"), NOTE)
POSITIVE = "CHECK ((note <> ''::text))"


def view(number: int, **facts: Any) -> Seen:
    return seen(A, table(number, "public.v", column("id"), kind="view", **facts))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(seen(A), seen(), {("TABLE_DROPPED", "public.a")}, id="a table"),
        pytest.param(seen(A), seen(table(2, "public.a")), {("TABLE_DROPPED", "public.a")}, id="another of its name"),
        pytest.param(seen(A), seen(A, table(2, "public.b")), set(), id="a new one is no loss"),
        pytest.param(
            seen(table(1, 'public."Old One"')), seen(), {("TABLE_DROPPED", "public.Old One")}, id="a quoted name"
        ),
        pytest.param(
            seen(table(1, "public.f", kind="foreign table")),
            seen(),
            {("TABLE_DROPPED", "public.f")},
            id="foreign",
        ),
        pytest.param(
            seen(A, table(2, "public.a_1", inherits=["public.a"], bound="DEFAULT")),
            seen(),
            {("TABLE_DROPPED", "public.a")},
            id="with its partitions",
        ),
        pytest.param(
            seen(A, table(2, "public.a_1", inherits=["public.a"], bound="DEFAULT")),
            seen(A),
            {("TABLE_DROPPED", "public.a_1")},
            id="a partition alone",
        ),
        pytest.param(seen(A), seen(table(1, "public.a", NOTE)), {("COLUMN_DROPPED", "public.a.id")}, id="a column"),
        pytest.param(
            seen(A),
            seen(table(1, "public.a", column("id", number=3), NOTE)),
            {("COLUMN_DROPPED", "public.a.id")},
            id="a column that was made anew",
        ),
        pytest.param(
            seen(A, table(2, "public.b", column("id", inherited=True), inherits=["public.a"])),
            seen(table(1, "public.a", NOTE), table(2, "public.b", inherits=["public.a"])),
            {("COLUMN_DROPPED", "public.a.id")},
            id="a column and what inherits it",
        ),
        pytest.param(view(2), seen(A), {("VIEW_DROPPED", "public.v")}, id="a view"),
        pytest.param(view(2), view(3), {("VIEW_CHANGED", "public.v")}, id="a view that was made again"),
        pytest.param(view(2, definition="a"), view(2, definition="b"), set(), id="a view that was replaced in place"),
        pytest.param(
            seen(thing(1, "schema", "shop"), table(2, "shop.a"), thing(3, "enum", "shop.e")),
            seen(),
            {("SCHEMA_DROPPED", "shop"), ("CASCADE_USED", "shop")},
            id="a schema with all that is in it",
        ),
        pytest.param(seen(thing(1, "extension", "citext")), seen(), {("EXTENSION_DROPPED", "citext")}, id="extension"),
        pytest.param(
            seen(thing(1, "extension", "citext", version="1.5")),
            seen(thing(1, "extension", "citext", version="1.6")),
            set(),
            id="an extension that was updated",
        ),
        pytest.param(
            seen(thing(1, "function", "public.f(integer, text)")),
            seen(),
            {("FUNCTION_DROPPED", "public.f")},
            id="a function",
        ),
        pytest.param(
            seen(thing(1, "function", "public.f(integer)")),
            seen(thing(2, "function", "public.f(bigint)")),
            {("FUNCTION_CHANGED", "public.f")},
            id="a function with other arguments",
        ),
        pytest.param(
            seen(thing(1, "function", "public.f(integer)"), thing(2, "function", "public.f(bigint)")),
            seen(thing(2, "function", "public.f(bigint)")),
            {("FUNCTION_DROPPED", "public.f")},
            id="one of two functions",
        ),
        pytest.param(seen(thing(1, "enum", "public.e")), seen(), {("OBJECT_DROPPED", "public.e")}, id="a type"),
        pytest.param(
            seen(thing(1, "enum", "public.e", labels=["a"])),
            seen(thing(2, "enum", "public.e", labels=["a", "b"])),
            set(),
            id="a type that was made again with all it had",
        ),
        pytest.param(seen(thing(1, "sequence", "public.s")), seen(), {("OBJECT_DROPPED", "public.s")}, id="a sequence"),
        pytest.param(
            seen(A, thing(1, "sequence", "public.s", of="public.a", owned_by="public.a.id")),
            seen(table(1, "public.a", NOTE)),
            {("COLUMN_DROPPED", "public.a.id")},
            id="a sequence goes with its column",
        ),
        pytest.param(
            seen(thing(1, "cast", "text AS public.e")), seen(), {("OBJECT_DROPPED", "text AS public.e")}, id="a cast"
        ),
    ],
)
def test_what_is_gone(before: Seen, after: Seen, expected: set[tuple[str, str]]) -> None:
    assert happened(before, after) == expected


def with_part(*parts: tuple[int, str, str, str], columns: str = "text") -> Seen:
    made = [part(number, kind, name, definition) for number, kind, name, definition in parts]
    return seen(table(1, "public.a", column("id"), column("note", columns, 2), *made))


FOREIGN = "FOREIGN KEY (a_id) REFERENCES public.a(id)"
CHECK = (7, "constraint", "a_note_check", POSITIVE)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(with_part(CHECK), with_part(), {("CONSTRAINT_DROPPED", "public.a.a_note_check")}, id="dropped"),
        pytest.param(
            with_part(CHECK), with_part((8, "constraint", "other", POSITIVE)), set(), id="another says the same"
        ),
        pytest.param(
            with_part(CHECK),
            with_part((8, "constraint", "a_note_check", "CHECK (true)")),
            {("CONSTRAINT_DROPPED", "public.a.a_note_check")},
            id="one of its name says something else",
        ),
        pytest.param(
            with_part(CHECK),
            with_part((8, "constraint", "a_note_check", "CHECK (((note)::text <> ''::text))"), columns="varchar(9)"),
            {("TYPE_NARROWED", "public.a.note")},
            id="made anew with the type of its column",
        ),
        pytest.param(
            with_part(CHECK),
            seen(table(1, "public.a", column("id"))),
            {("COLUMN_DROPPED", "public.a.note")},
            id="with its column",
        ),
        pytest.param(
            seen(A, table(2, "public.b", column("a_id"), part(8, "constraint", "fk", FOREIGN))),
            seen(table(2, "public.b", column("a_id"))),
            {
                ("TABLE_DROPPED", "public.a"),
                ("CONSTRAINT_DROPPED", "public.b.fk"),
                ("CASCADE_USED", "public.a"),
            },
            id="with the table that it refers to",
        ),
        pytest.param(
            with_part((8, "trigger", "t", "x")), with_part(), {("TRIGGER_REMOVED", "public.a.t")}, id="a trigger"
        ),
        pytest.param(
            with_part((8, "trigger", "t", "x")), with_part((9, "trigger", "t", "y")), set(), id="a trigger made again"
        ),
        pytest.param(with_part((8, "rule", "r", "x")), with_part(), {("TRIGGER_REMOVED", "public.a.r")}, id="a rule"),
        pytest.param(
            with_part((8, "policy", "p", "")), with_part(), {("ROW_SECURITY_WEAKENED", "public.a.p")}, id="a policy"
        ),
        pytest.param(with_part((8, "policy", "p", "")), with_part((9, "policy", "p", "")), set(), id="one made again"),
        pytest.param(
            with_part((8, "index", "public.i", "CREATE INDEX i ON public.a USING btree (id)")),
            with_part(),
            {("BLOCKS_READS", "public.i")},
            id="an index",
        ),
        pytest.param(
            with_part((8, "index", "public.i", "CREATE INDEX i ON public.a USING btree (note)")),
            seen(table(1, "public.a", column("id"))),
            {("COLUMN_DROPPED", "public.a.note")},
            id="an index with its column",
        ),
        pytest.param(
            seen(thing(8, "domain", "public.d"), thing(9, "domain constraint", "public.d.c", of="public.d")),
            seen(thing(8, "domain", "public.d")),
            {("CONSTRAINT_DROPPED", "public.d")},
            id="of a domain",
        ),
        pytest.param(seen(thing(8, "event trigger", "e")), seen(), {("TRIGGER_REMOVED", "e")}, id="an event trigger"),
    ],
)
def test_what_a_table_has_lost(before: Seen, after: Seen, expected: set[tuple[str, str]]) -> None:
    # what is made in the place of something has hazards of its own
    of_what_is_new = {("BLOCKS_READS", "public.a"), ("BLOCKS_WRITES", "public.a")}
    assert happened(before, after) - of_what_is_new == expected


def test_an_index_that_is_dropped_outside_a_transaction_stops_nobody() -> None:
    with_index = with_part((8, "index", "public.i", "CREATE INDEX i ON public.a USING btree (id)"))
    assert happened(with_index, with_part(), transactional=False) == set()
