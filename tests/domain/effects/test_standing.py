"""What stands, and is not what it was: names, types, columns, constraints, rights, guards, rows."""

from typing import Any

import pytest

from app.domain.effects import Passage, Seen, effects_of
from tests.domain.effects.literals import Thing, column, happened, part, seen, table, thing

A = table(1, "public.a", column("id"), column("note", "text", 2))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(
            seen(A),
            seen(table(1, "public.b", column("id"), column("note", "text", 2))),
            {("OBJECT_RENAMED", "public.a")},
            id="a table",
        ),
        pytest.param(
            seen(A),
            seen(table(1, "shop.a", column("id"), column("note", "text", 2))),
            {("OBJECT_RENAMED", "public.a")},
            id="into another schema",
        ),
        pytest.param(
            seen(thing(5, "schema", "shop"), table(1, "shop.a", column("id"))),
            seen(thing(5, "schema", "store"), table(1, "store.a", column("id"))),
            {("OBJECT_RENAMED", "shop")},
            id="a schema, and nothing that is in it",
        ),
        pytest.param(
            seen(A),
            seen(table(1, "public.a", column("key"), column("note", "text", 2))),
            {("OBJECT_RENAMED", "public.a.id")},
            id="a column",
        ),
        pytest.param(
            seen(A, table(2, "public.a_new", column("id"))),
            seen(table(1, "public.a_old", column("id"), column("note", "text", 2)), table(2, "public.a", column("id"))),
            {("OBJECT_RENAMED", "public.a"), ("OBJECT_RENAMED", "public.a_new")},
            id="two tables that change places",
        ),
        pytest.param(
            seen(thing(5, "function", "public.f(public.e)"), thing(6, "enum", "public.e")),
            seen(thing(5, "function", "public.f(public.e2)"), thing(6, "enum", "public.e2")),
            {("OBJECT_RENAMED", "public.e")},
            id="a type, and no function that takes it",
        ),
        pytest.param(
            seen(table(1, "public.a", column("id"), part(7, "constraint", "c", "CHECK (true)"))),
            seen(table(1, "public.a", column("id"), part(7, "constraint", "d", "CHECK (true)"))),
            set(),
            id="a constraint is in no query",
        ),
        pytest.param(seen(A), seen(A), set(), id="nothing"),
    ],
)
def test_what_bears_another_name(before: Seen, after: Seen, expected: set[tuple[str, str]]) -> None:
    assert happened(before, after) == expected


def of_type(type_: str, *others: Thing, **facts: Any) -> Seen:
    return seen(table(1, "public.a", column("x", type_, **facts)), *others)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(of_type("text"), of_type("character varying(9)"), {("TYPE_NARROWED", "public.a.x")}, id="cut off"),
        pytest.param(of_type("integer"), of_type("bigint"), set(), id="every value fits"),
        pytest.param(
            of_type("bigint"), of_type("integer"), {("TYPE_NARROWED", "public.a.x")}, id="not every value fits"
        ),
        pytest.param(of_type("jsonb"), of_type("integer"), {("TYPE_NARROWED", "public.a.x")}, id="nobody knows"),
        pytest.param(
            of_type("public.e", thing(5, "enum", "public.e")),
            of_type("public.e2", thing(5, "enum", "public.e2")),
            {("OBJECT_RENAMED", "public.e")},
            id="a type that is called otherwise",
        ),
        pytest.param(
            seen(table(1, "public.v", column("x", "text"), kind="view")),
            seen(table(1, "public.v", column("x", "integer"), kind="view")),
            set(),
            id="a view has no values",
        ),
        pytest.param(of_type("text"), of_type("text", not_null=True), {("BLOCKS_READS", "public.a.x")}, id="not null"),
        pytest.param(of_type("text", not_null=True), of_type("text"), set(), id="null again"),
        pytest.param(
            seen(table(1, "public.a", column("x"), part(7, "constraint", "c", "CHECK ((x IS NOT NULL))"))),
            seen(
                table(1, "public.a", column("x", not_null=True), part(7, "constraint", "c", "CHECK ((x IS NOT NULL))"))
            ),
            set(),
            id="not null, as a check has proven",
        ),
        pytest.param(
            of_type("integer"),
            seen(table(1, "public.a", column("x", not_null=True), part(7, "constraint", "k", "PRIMARY KEY (x)"))),
            {("BLOCKS_READS", "public.a")},
            id="not null with a new primary key",
        ),
    ],
)
def test_what_became_of_a_column(before: Seen, after: Seen, expected: set[tuple[str, str]]) -> None:
    assert happened(before, after) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"not_null": True}, {("REQUIRED_COLUMN", "public.a.y")}),
        ({"not_null": True, "default": "1"}, set()),
        ({"not_null": True, "identity": "ALWAYS"}, set()),
        ({"not_null": True, "generated": "(1) STORED"}, set()),
        ({}, set()),
    ],
)
def test_a_new_column_of_an_old_table_may_be_required(facts: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    after = seen(table(1, "public.a", column("id"), column("note", "text", 2), column("y", number=3, **facts)))
    assert happened(seen(A), after) == expected
    assert happened(seen(), after) == set()


def typed(kind: str, **facts: Any) -> Seen:
    return seen(thing(5, kind, "public.t", **facts))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (typed("enum", labels=["a", "b"]), typed("enum", labels=["a"]), {("ENUM_LABEL_CHANGED", "public.t")}),
        (typed("enum", labels=["a"]), typed("enum", labels=["b"]), {("ENUM_LABEL_CHANGED", "public.t")}),
        (typed("enum", labels=["a"]), typed("enum", labels=["a", "b"]), set()),
        (
            typed("enum", labels=["a", "b"]),
            seen(thing(6, "enum", "public.t", labels=["a"])),
            {("ENUM_LABEL_CHANGED", "public.t")},
        ),
        (
            typed("composite type", attributes=["a integer", "b text"]),
            typed("composite type", attributes=["a integer"]),
            {("COLUMN_DROPPED", "public.t.b")},
        ),
        (
            typed("composite type", attributes=["a integer", "b text"]),
            typed("composite type", attributes=["a integer", "c text"]),
            {("OBJECT_RENAMED", "public.t.b")},
        ),
        (
            typed("composite type", attributes=["a bigint"]),
            typed("composite type", attributes=["a integer"]),
            {("TYPE_NARROWED", "public.t.a")},
        ),
        (
            typed("composite type", attributes=["a integer"]),
            typed("composite type", attributes=["a integer", "b text"]),
            set(),
        ),
        (typed("domain"), typed("domain", not_null=True), {("BLOCKS_WRITES", "public.t")}),
        (typed("domain", not_null=True), typed("domain"), set()),
    ],
)
def test_what_became_of_a_type(before: Seen, after: Seen, expected: set[tuple[str, str]]) -> None:
    assert happened(before, after) == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([part(7, "constraint", "c", "CHECK ((id > 0))")], {("BLOCKS_READS", "public.a")}),
        ([part(7, "constraint", "c", "CHECK ((id > 0)) NOT VALID")], set()),
        ([part(7, "constraint", "c", "CHECK ((id > 0))", inherited=True)], set()),
        ([part(7, "constraint", "c", "FOREIGN KEY (id) REFERENCES public.b(id)")], {("BLOCKS_WRITES", "public.a")}),
        ([part(7, "constraint", "c", "FOREIGN KEY (id) REFERENCES public.b(id) NOT VALID")], set()),
        ([part(7, "constraint", "c", "UNIQUE (id)")], {("BLOCKS_READS", "public.a")}),
        ([part(7, "constraint", "c", "EXCLUDE USING gist (id WITH =)")], {("BLOCKS_READS", "public.a")}),
        ([part(7, "index", "public.i", "CREATE INDEX i ON public.a (id)")], {("BLOCKS_WRITES", "public.a")}),
        ([part(7, "index", "public.i", "CREATE INDEX i ON ONLY public.a (id)", invalid=True)], set()),
        ([part(7, "trigger", "t", "CREATE TRIGGER t")], {("BLOCKS_WRITES", "public.a")}),
        ([part(7, "policy", "p")], set()),
    ],
)
def test_what_a_table_has_that_it_had_not(parts: list[Thing], expected: set[tuple[str, str]]) -> None:
    after = seen(table(1, "public.a", column("id"), column("note", "text", 2), *parts))
    assert happened(seen(A), after) == expected
    assert happened(seen(), after) == set()


def test_an_index_that_becomes_a_constraint_is_not_built_again() -> None:
    index = part(7, "index", "public.i", "CREATE UNIQUE INDEX i ON public.a (id)")
    owned = part(7, "index", "public.i", constraint="i")
    before = seen(table(1, "public.a", column("id"), index))
    assert (
        happened(before, seen(table(1, "public.a", column("id"), owned, part(8, "constraint", "i", "UNIQUE (id)"))))
        == set()
    )


def test_an_index_that_is_built_outside_a_transaction_stops_nobody() -> None:
    after = seen(table(1, "public.a", column("id"), column("note", "text", 2), part(7, "index", "public.i", "x")))
    assert happened(seen(A), after, transactional=False) == set()


def granted(kind: str = "table", identity: str = "public.a", **grants: list[str]) -> Seen:
    facts: dict[str, Any] = {"owner": "boss", **({"grants": grants} if grants else {})}
    return seen(table(1, identity, kind=kind, **facts) if kind == "table" else thing(1, kind, identity, **facts))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (granted(), granted(PUBLIC=["SELECT"]), {("GRANT_TO_PUBLIC", "public.a")}),
        (seen(), granted(PUBLIC=["SELECT"]), {("GRANT_TO_PUBLIC", "public.a")}),
        (granted(), granted(reader=["SELECT"]), set()),
        (granted(PUBLIC=["SELECT"]), granted(PUBLIC=["SELECT"]), set()),
        (granted(reader=["SELECT", "UPDATE"]), granted(reader=["SELECT"]), {("PRIVILEGE_REVOKED", "public.a")}),
        (granted(reader=["SELECT"]), granted(), {("PRIVILEGE_REVOKED", "public.a")}),
        (granted(reader=["SELECT WITH GRANT OPTION"]), granted(reader=["SELECT"]), set()),
        (granted(), granted(boss=["SELECT"]), {("PRIVILEGE_REVOKED", "public.a")}),
        (
            granted("function", "public.f()"),
            granted("function", "public.f()", PUBLIC=[]),
            {("PRIVILEGE_REVOKED", "public.f")},
        ),
        (
            granted("function", "public.f()", PUBLIC=[]),
            granted("function", "public.f()"),
            {("GRANT_TO_PUBLIC", "public.f")},
        ),
        (seen(), granted("function", "public.f()"), set()),
    ],
)
def test_what_people_may_do(before: Seen, after: Seen, expected: set[tuple[str, str]]) -> None:
    assert happened(before, after) == expected


DEFINER = "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql SECURITY DEFINER"


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (DEFINER, {("UNSAFE_DEFINER", "public.f")}),
        (f"{DEFINER} SET search_path TO 'pg_catalog'", set()),
        ("CREATE FUNCTION public.f() RETURNS int LANGUAGE sql", set()),
    ],
)
def test_a_function_may_lend_its_owners_rights(definition: str, expected: set[tuple[str, str]]) -> None:
    after = seen(thing(1, "function", "public.f()", definition=definition))
    assert happened(seen(), after) == expected
    assert happened(after, after) == set()


def guarded(**facts: Any) -> Seen:
    return seen(table(1, "public.a", column("id"), **facts))


def with_trigger(enabled: str | None) -> Seen:
    facts = {} if enabled is None else {"enabled": enabled}
    return seen(table(1, "public.a", part(7, "trigger", "t", "x", **facts)))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (guarded(row_security=True), guarded(), {("ROW_SECURITY_WEAKENED", "public.a")}),
        (guarded(), guarded(row_security=True), set()),
        (
            guarded(row_security=True, forced_row_security=True),
            guarded(row_security=True),
            {("ROW_SECURITY_WEAKENED", "public.a")},
        ),
        (with_trigger(None), with_trigger("DISABLE"), {("TRIGGER_REMOVED", "public.a.t")}),
        (with_trigger("DISABLE"), with_trigger("DISABLE"), set()),
        (with_trigger(None), with_trigger("ENABLE ALWAYS"), set()),
    ],
)
def test_what_watches_over_rows(before: Seen, after: Seen, expected: set[tuple[str, str]]) -> None:
    assert happened(before, after) == expected


def filed(file: int, rows: str | None, *parts: Thing, **facts: Any) -> Seen:
    columns = parts or (column("x", "text"),)
    return seen(table(1, "public.a", *columns, file=file, **facts), rows=None if rows is None else {"public.a": rows})


LOST, REWRITTEN, CHANGED = (
    ("ROWS_REMOVED", "public.a"),
    ("TABLE_REWRITE", "public.a"),
    ("ALL_ROWS_CHANGED", "public.a"),
)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(filed(1, "abc"), filed(1, ""), {LOST}, id="deleted"),
        pytest.param(filed(1, "abc"), filed(2, ""), {LOST}, id="truncated"),
        pytest.param(filed(1, "abc"), filed(1, "c"), set(), id="some of them"),
        pytest.param(filed(1, "abc"), filed(1, "xyz"), {CHANGED}, id="overwritten"),
        pytest.param(filed(1, "abc"), filed(1, "abz"), set(), id="some overwritten"),
        pytest.param(filed(1, "abc"), filed(1, "abcd"), set(), id="one more"),
        pytest.param(filed(1, "abc"), filed(2, "abc"), {REWRITTEN}, id="written anew"),
        pytest.param(
            filed(1, "abc"), filed(2, "xyz", column("x", "bigint")), {REWRITTEN, ("TYPE_NARROWED", "public.a.x")},
            id="another type is another text",
        ),
        pytest.param(
            filed(1, "abc"), filed(1, "xyz", column("x", "text"), column("y", number=2)), set(), id="another column"
        ),
        pytest.param(filed(1, None), filed(2, None), {LOST}, id="no rows to tell, nothing else is other"),
        pytest.param(filed(1, ""), filed(2, "", persistence="unlogged"), {REWRITTEN}, id="no rows, laid out anew"),
        pytest.param(filed(1, ""), filed(1, ""), set(), id="untouched"),
    ],
)  # fmt: skip
def test_what_became_of_the_rows(before: Seen, after: Seen, expected: set[tuple[str, str]]) -> None:
    assert happened(before, after) == expected


def test_rows_that_the_file_itself_speaks_of_are_left_to_it() -> None:
    spoken = frozenset({"public.a"})
    assert happened(filed(1, "abc"), filed(1, ""), spoken_of=spoken) == set()
    assert happened(filed(1, "abc"), filed(1, "xyz"), spoken_of=spoken) == set()


def test_a_partition_that_is_written_anew_is_said_of_the_whole() -> None:
    before, after = (
        seen(
            table(1, "public.a", column("x", type_), partition_by="RANGE (x)"),
            table(
                2, "public.a_1", column("x", type_, inherited=True), file=file, inherits=["public.a"], bound="DEFAULT"
            ),
        )
        for type_, file in (("integer", 1), ("bigint", 2))
    )
    assert happened(before, after) == {("TABLE_REWRITE", "public.a")}


@pytest.mark.parametrize(
    ("left", "lost"), [("", {("ROWS_REMOVED", "public.a")}), ("c", {("ROWS_REMOVED", "public.a_1")})]
)
def test_a_table_that_was_emptied_says_it_for_its_partitions(left: str, lost: set[tuple[str, str]]) -> None:
    of_a: dict[str, Any] = {"inherits": ["public.a"], "bound": "DEFAULT"}
    before, after = (
        seen(table(1, "public.a", column("x")), table(2, "public.a_1", file=file, **of_a), rows={"public.a": rows})
        for file, rows in ((1, "abc"), (2, left))
    )
    assert happened(before, after) == lost


def test_rows_that_went_with_a_partition_are_not_lost_and_its_table_could_not_be_read() -> None:
    part_of = table(2, "public.a_1", inherits=["public.a"], bound="DEFAULT")
    before = seen(table(1, "public.a", column("x")), part_of, rows={"public.a": "abc"})
    after = seen(table(1, "public.a", column("x")), table(2, "public.a_1"), rows={"public.a": ""})
    assert happened(before, after) == {("BLOCKS_READS", "public.a")}


def test_an_effect_says_what_happens_to_what() -> None:
    (narrowed,) = effects_of(Passage(of_type("text"), of_type("character varying(9)")))
    assert narrowed.happens == "Values of a.x, which is text now, may not fit into character varying(9)."
    assert narrowed.of == "public.a"
