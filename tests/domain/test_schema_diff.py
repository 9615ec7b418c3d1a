# ruff: noqa: E501 - a case a line can be read down
"""Differences read as a person would write them, and what follows from another one is not listed."""

from collections.abc import Iterator

import pytest

from app.domain.schema import EMPTY, Fact, SchemaObject, Snapshot
from app.domain.schema_diff import Difference, adopting, diff, restoring
from app.domain.schema_folding import How


def one(kind: str, identity: str, **facts: Fact) -> SchemaObject:
    return SchemaObject(kind, identity, facts)


def column(name: str, table: str = "shop.orders", **facts: Fact) -> SchemaObject:
    return one("column", f"{table}.{name}", of=table, **facts)


def table(identity: str = "shop.orders", **facts: Fact) -> SchemaObject:
    return one("table", identity, **facts)


def between(expected: list[SchemaObject], found: list[SchemaObject]) -> tuple[Difference, ...]:
    return diff(Snapshot.of(expected), Snapshot.of(found))


def texts(expected: list[SchemaObject], found: list[SchemaObject]) -> list[str]:
    return [difference.text for difference in between(expected, found)]


NOTE = column("note", type="text")
INDEX = one(
    "index", "shop.by_note", of="shop.orders", definition="CREATE INDEX by_note ON shop.orders USING btree (note)"
)


def test_equal_schemas_have_no_difference() -> None:
    assert diff(EMPTY, EMPTY) == between([table(), NOTE], [table(), NOTE]) == ()


@pytest.mark.parametrize(
    ("expected", "found", "text"),
    [
        (NOTE, column("note", type="varchar(40)"), "column shop.orders.note: type was text, is now varchar(40)"),
        (NOTE, column("note", type="text", not_null=True), "column shop.orders.note: was nullable, is now NOT NULL"),
        (NOTE, column("note", type="text", default="'x'"), "column shop.orders.note: default was none, is now 'x'"),
        (NOTE, column("note", type="text", comment="it's"), "column shop.orders.note: comment was none, is now 'it''s'"),
        (table(), table(row_security=True), "table shop.orders: row security was off, is now on"),
        (table(options=["a=1"]), table(), "table shop.orders: options were a=1, are now none"),
        (
            table(grants={"bob": ["SELECT"]}),
            table(grants={"bob": ["SELECT", "UPDATE"], "PUBLIC": []}),
            "table shop.orders: grants: PUBLIC had what is the default, now has nothing; "
            "grants: bob had SELECT, now has SELECT, UPDATE",
        ),
        (
            one("enum", "shop.mood", labels=["a", "b"]),
            one("enum", "shop.mood", labels=["a", "b", "c"]),
            "enum shop.mood: labels were a, b, are now a, b, c",
        ),
        (INDEX, one("index", "shop.by_note", **{**INDEX.facts, "invalid": True}), "index shop.by_note: was valid, is now INVALID"),
    ],
)  # fmt: skip
def test_a_changed_property_is_said_in_words(expected: SchemaObject, found: SchemaObject, text: str) -> None:
    assert texts([expected], [found]) == [text]


def test_what_is_missing_or_unexpected_is_shown_as_sql() -> None:
    (missing,) = between([table(), INDEX], [table()])
    assert missing.text == "index shop.by_note is missing: CREATE INDEX by_note ON shop.orders USING btree (note)"
    assert (missing.how, missing.expected, missing.found) == (How.MISSING, INDEX.text("definition"), None)
    (unexpected,) = between([table()], [table(), INDEX])
    assert unexpected.text.startswith("index shop.by_note was not expected: CREATE INDEX")
    assert unexpected.how is How.UNEXPECTED


def test_a_table_that_is_gone_is_one_difference_with_what_was_in_it() -> None:
    key = one("constraint", "shop.orders.pk", of="shop.orders", definition="PRIMARY KEY (note)")
    behind = one("index", "shop.pk", of="shop.orders", constraint="pk")
    (difference,) = between([table(), NOTE, column("id"), INDEX, key, behind], [])
    assert difference.text == "table shop.orders is missing (2 columns, 1 constraint, 1 index)"
    assert difference.folded == {"column": 2, "constraint": 1, "index": 1}


def test_the_index_behind_a_constraint_is_said_by_the_constraint() -> None:
    key = one("constraint", "shop.orders.u", of="shop.orders", definition="UNIQUE (note)")
    behind = one("index", "shop.u", of="shop.orders", constraint="u")
    assert texts([table()], [table(), key, behind]) == ["constraint shop.orders.u was not expected: UNIQUE (note)"]


def test_what_a_parent_gives_is_said_by_the_parent() -> None:
    family = [table("p"), table("c", inherits=["p"])]
    given = [column("a", "p", type="text"), column("a", "c", type="text", inherited=True)]
    assert texts(family, [*family, *given]) == ["column p.a was not expected: text"]


def test_what_happens_to_a_child_alone_is_said() -> None:
    family = [table("p"), table("c", inherits=["p"])]
    before = [*family, column("a", "p"), column("a", "c", inherited=True)]
    after = [*family, column("a", "p", comment="x"), column("a", "c", inherited=True, default="1")]
    assert texts(before, after) == [
        "column c.a: default was none, is now 1",
        "column p.a: comment was none, is now 'x'",
    ]


def test_columns_of_a_view_follow_from_its_definition_but_their_comments_do_not() -> None:
    before = [one("view", "v", definition="SELECT 1 AS a"), column("a", "v", type="integer")]
    after = [one("view", "v", definition="SELECT 2 AS a, 3 AS b"), column("a", "v", type="bigint"), column("b", "v")]
    assert texts(before, after) == ["view v: definition was SELECT 1 AS a, is now SELECT 2 AS a, 3 AS b"]
    commented = [after[0], column("a", "v", type="integer", comment="x")]
    assert "column v.a: comment was none, is now 'x'" in texts(before, commented)


def test_a_row_for_not_null_is_said_by_its_column() -> None:
    row = one("not null constraint", "shop.orders.n", of="shop.orders", definition="NOT NULL note")
    assert texts([table(), NOTE], [table(), column("note", type="text", not_null=True), row]) == [
        "column shop.orders.note: was nullable, is now NOT NULL"
    ]
    assert texts([table(), NOTE], [table(), column("note", type="text", comment="x"), row]) == [
        "column shop.orders.note: comment was none, is now 'x'",
        "not null constraint shop.orders.n was not expected: NOT NULL note",
    ]


def test_another_order_of_columns_is_a_soft_difference_without_sql() -> None:
    before = [table(), column("a", position=1), column("b", position=2), column("gone", position=3)]
    after = [table(), column("new", position=1), column("b", position=2), column("a", position=3)]
    soft = [difference for difference in between(before, after) if difference.soft]
    assert [difference.text for difference in soft] == ["table shop.orders: column order was a, b, is now b, a"]
    assert restoring(soft).statements == adopting(soft).statements == ()


def test_long_definitions_are_cut_in_the_sentence_only() -> None:
    long = "SELECT " + "x" * 1000
    (difference,) = between([], [one("view", "v", definition=long)])
    assert len(difference.text) < 400
    assert difference.found == long


def test_a_snapshot_is_gone_through_as_often_for_many_tables_as_for_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once an object would be a minute for a thousand tables, inside a transaction that holds the target."""
    passes = 0
    through = Snapshot.__iter__

    def counting(self: Snapshot) -> Iterator[SchemaObject]:
        nonlocal passes
        passes += 1
        return through(self)

    monkeypatch.setattr(Snapshot, "__iter__", counting)
    counts = []
    for tables in (3, 30):
        passes = 0
        assert len(diff(EMPTY, _of_every_kind(tables))) == 3 * tables
        counts.append(passes)

    assert counts[0] == counts[1]


def _of_every_kind(count: int) -> Snapshot:
    objects: list[SchemaObject] = []
    for number in range(count):
        table = f"public.t{number}"
        function = f"CREATE OR REPLACE FUNCTION public.f{number}()\n RETURNS integer\n LANGUAGE sql\nAS $$SELECT 1$$"
        objects += (
            SchemaObject("table", table, {}),
            SchemaObject("column", f"{table}.c", {"of": table, "position": 1, "type": "integer"}),
            SchemaObject("function", f"public.f{number}()", {"definition": function, "returns": "integer"}),
            SchemaObject("view", f"public.v{number}", {"definition": f"SELECT c FROM {table}"}),
        )
    return Snapshot.of(objects)
