"""The rows that a stranger can write into a table."""

import pytest

from app.domain.seeding import SeedColumn, SeedKey, SeedTable, parents_first, quoted

ID = SeedColumn("id", "integer", "int4", "N", required=True)


def column(type_: str, base: str, category: str, length: int | None = None, *candidates: str) -> SeedColumn:
    return SeedColumn("c", type_, base, category, length, candidates=candidates)


@pytest.mark.parametrize(
    ("given", "second"),
    [
        (column("integer", "int4", "N"), "'2'::integer"),
        (column("text", "text", "S"), "'2 seed'::text"),
        (column("character varying(3)", "varchar", "S", 3), "'2 s'::character varying(3)"),
        (column("boolean", "bool", "B"), "'false'::boolean"),
        (column("date", "date", "D"), "'2001-02-02'::date"),
        (column("time without time zone", "time", "D"), "'02:00:00'::time without time zone"),
        (column("uuid", "uuid", "U"), "'00000000-0000-4000-8000-000000000002'::uuid"),
        (column("jsonb", "jsonb", "U"), "'{\"seed\": 2}'::jsonb"),
        (column("bytea", "bytea", "U"), " E'\\\\x02'::bytea"),
        (column("integer[]", "_int4", "A"), "'{}'::integer[]"),
        (column("bit(2)", "bit", "V", 2), "'00'::bit(2)"),
        (column("mood", "mood", "E", None, "ok", "it's"), "'it''s'::mood"),
        (column("email", "text", "S", None, "new", "old"), "'old'::email"),
    ],
)
def test_the_second_row_differs_from_the_first(given: SeedColumn, second: str) -> None:
    first, again = (SeedTable("t", (given,)).attempts(n)[0] for n in (1, 2))
    assert again == f"INSERT INTO t (c) VALUES ({second})"
    assert first != again or "[]" in again


def test_what_the_server_gives_is_left_to_it() -> None:
    own = SeedColumn("id", "integer", "int4", "N", own=True)
    assert SeedTable("t", (own,)).attempts(1) == ("INSERT INTO t DEFAULT VALUES",)


def test_a_type_without_a_sure_value_is_left_out() -> None:
    assert SeedTable("t", (column("regclass", "regclass", "N"),)).attempts(1) == ("INSERT INTO t DEFAULT VALUES",)


def test_where_all_of_it_is_refused_what_is_required_is_tried_alone() -> None:
    table = SeedTable("t", (ID, SeedColumn("x", "text", "text", "S")))
    assert table.attempts(1) == (
        "INSERT INTO t (id, x) VALUES ('1'::integer, '1 seed'::text)",
        "INSERT INTO t (id) VALUES ('1'::integer)",
    )


def test_a_foreign_key_takes_what_its_parent_holds() -> None:
    child = SeedTable("child", (ID, SeedColumn("p", "integer", "int4", "N")), (SeedKey(("p",), "parent", ("id",)),))
    assert "(SELECT id FROM parent ORDER BY ctid OFFSET 1 LIMIT 1)" in child.attempts(2)[0]


def test_a_key_to_its_own_table_is_left_empty() -> None:
    tree = SeedTable("t", (ID, SeedColumn("up", "integer", "int4", "N")), (SeedKey(("up",), "t", ("id",)),))
    assert tree.attempts(1) == ("INSERT INTO t (id) VALUES ('1'::integer)",)


def test_parents_come_first_and_a_circle_is_broken_by_name() -> None:
    def table(name: str, *parents: str) -> SeedTable:
        return SeedTable(name, (ID,), tuple(SeedKey(("id",), one, ("id",)) for one in parents))

    ordered = parents_first([table("a", "b"), table("b", "c"), table("c"), table("x", "y"), table("y", "x")])
    assert [one.name for one in ordered] == ["c", "b", "a", "x", "y"]


def test_a_literal_is_safe_whatever_is_in_it() -> None:
    assert (quoted("it's"), quoted("a\\b")) == ("'it''s'", " E'a\\\\b'")
