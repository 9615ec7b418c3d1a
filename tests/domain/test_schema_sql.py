# ruff: noqa: E501 - a case a line can be read down
"""SQL that leads from one schema to another, in an order in which it can run."""

import pytest

from app.domain.schema import Fact, SchemaObject, Snapshot
from app.domain.schema_diff import Script, adopting, diff, restoring
from app.domain.schema_statement import literal


def one(kind: str, identity: str, **facts: Fact) -> SchemaObject:
    return SchemaObject(kind, identity, facts)


def column(name: str, table: str = "shop.orders", **facts: Fact) -> SchemaObject:
    return one("column", f"{table}.{name}", of=table, **facts)


TABLE = one("table", "shop.orders")


def ways(before: list[SchemaObject], after: list[SchemaObject]) -> tuple[Script, Script]:
    differences = diff(Snapshot.of(before), Snapshot.of(after))
    return adopting(differences), restoring(differences)


@pytest.mark.parametrize(
    ("before", "after", "there", "back"),
    [
        (
            [TABLE], [TABLE, column('"a b"', type="text", default="'x'", not_null=True)],
            """ALTER TABLE shop.orders ADD COLUMN "a b" text DEFAULT 'x' NOT NULL""",
            'ALTER TABLE shop.orders DROP COLUMN "a b"',
        ),
        (
            [TABLE, column("a", type="text")], [TABLE, column("a", type="integer")],
            "ALTER TABLE shop.orders ALTER COLUMN a TYPE integer USING a::integer",
            "ALTER TABLE shop.orders ALTER COLUMN a TYPE text USING a::text",
        ),
        (
            [TABLE], [TABLE, one("constraint", "shop.orders.c", of="shop.orders", definition="CHECK (a > 0)")],
            "ALTER TABLE shop.orders ADD CONSTRAINT c CHECK (a > 0)",
            "ALTER TABLE shop.orders DROP CONSTRAINT c",
        ),
        (
            [one("constraint", "t.c", of="t", definition="CHECK (a > 0) NOT VALID")],
            [one("constraint", "t.c", of="t", definition="CHECK (a > 0)")],
            "ALTER TABLE t VALIDATE CONSTRAINT c",
            "ALTER TABLE t DROP CONSTRAINT c; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
        ),
        (
            [one("enum", "mood", labels=["a", "c"])], [one("enum", "mood", labels=["a", "b"])],
            "ALTER TYPE mood RENAME VALUE 'c' TO 'b'",
            "ALTER TYPE mood RENAME VALUE 'b' TO 'c'",
        ),
        (
            [one("schema", "s", grants={"bob": ["USAGE WITH GRANT OPTION"]})], [one("schema", "s", grants={"bob": ["CREATE", "USAGE"]})],
            "REVOKE GRANT OPTION FOR USAGE ON SCHEMA s FROM bob; GRANT CREATE ON SCHEMA s TO bob",
            "REVOKE CREATE ON SCHEMA s FROM bob; GRANT USAGE ON SCHEMA s TO bob WITH GRANT OPTION",
        ),
    ],
)  # fmt: skip
def test_both_ways_are_written(before: list[SchemaObject], after: list[SchemaObject], there: str, back: str) -> None:
    adopted, restored = ways(before, after)
    assert "; ".join(adopted.statements) == there
    assert "; ".join(restored.statements) == back
    assert adopted.left == restored.left == ()


def test_what_others_stand_on_is_made_before_them_and_dropped_after_them() -> None:
    kind = one("enum", "mood", labels=["a"])
    made = one("table", "t")
    view = one("view", "v", definition="SELECT m FROM t")
    foreign = one("constraint", "t.f", of="t", definition="FOREIGN KEY (a) REFERENCES u(a)")
    other = one("table", "u")
    unique = one("constraint", "u.k", of="u", definition="UNIQUE (a)")
    adopted, restored = ways([], [foreign, view, made, other, kind, unique, column("m", "t", type="mood")])
    assert adopted.statements == (
        "CREATE TYPE mood AS ENUM ('a')",
        "CREATE TABLE t (\n    m mood\n)",
        "CREATE TABLE u ()",
        "ALTER TABLE u ADD CONSTRAINT k UNIQUE (a)",
        "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u(a)",
        "CREATE VIEW v AS\nSELECT m FROM t",
    )
    assert restored.statements == (
        "DROP VIEW v",
        "ALTER TABLE t DROP CONSTRAINT f",
        "DROP TABLE t",
        "DROP TABLE u",
        "DROP TYPE mood",
    )


def test_what_cannot_be_written_is_named() -> None:
    adopted, restored = ways([one("enum", "mood", labels=["a", "b"])], [one("enum", "mood", labels=["b"])])
    assert (adopted.statements, adopted.left) == ((), ("enum mood",))
    assert restored.statements == ("ALTER TYPE mood ADD VALUE 'a' BEFORE 'b'",)


def test_of_what_facts_do_not_say_everything_only_dropping_is_written() -> None:
    adopted, restored = ways([], [one("operator", "+++(integer,integer)", function="f")])
    assert adopted.left == ("operator +++(integer,integer)",)
    assert restored.statements == ("DROP OPERATOR +++(integer,integer)",)


def test_the_owner_is_said_only_where_it_is_not_the_usual_one() -> None:
    usual = [one("table", name, owner="ann") for name in ("a", "b")]
    adopted, _ = ways([], [*usual, one("table", "c", owner="bob")])
    assert adopted.statements == (
        "CREATE TABLE a ()",
        "CREATE TABLE b ()",
        "CREATE TABLE c ()",
        "ALTER TABLE c OWNER TO bob",
    )


@pytest.mark.parametrize(("text", "sql"), [("it's", "'it''s'"), ("a\\b'", "E'a\\\\b'''")])
def test_a_literal_reads_the_same_everywhere(text: str, sql: str) -> None:
    assert literal(text) == sql


def test_parents_and_what_is_read_come_first_and_go_last() -> None:
    family = [one("table", "b"), one("table", "a", inherits=["b"], bound="DEFAULT")]
    views = [
        one("view", "x", definition="SELECT FROM y"),
        one("view", "y", definition="SELECT FROM z"),
        one("view", "z"),
    ]
    types = [one("composite type", "k", attributes=["m q"]), one("enum", "q", labels=[])]
    adopted, restored = ways([], [*family, *views, *types])
    assert [sql.split("\n")[0] for sql in adopted.statements] == [
        "CREATE TYPE q AS ENUM ()",
        "CREATE TYPE k AS (m q)",
        "CREATE TABLE b ()",
        "CREATE TABLE a PARTITION OF b DEFAULT",
        "CREATE VIEW z AS",
        "CREATE VIEW y AS",
        "CREATE VIEW x AS",
    ]
    assert restored.statements == (
        "DROP VIEW x", "DROP VIEW y", "DROP VIEW z", "DROP TABLE a", "DROP TABLE b", "DROP TYPE k", "DROP TYPE q",
    )  # fmt: skip


def test_tables_that_point_at_each_other_can_go_together() -> None:
    tables = [one("table", name) for name in ("a", "b")]
    keys = [
        one("constraint", f"{at}.f", of=at, definition=f"FOREIGN KEY (x) REFERENCES {to}(x)") for at, to in ("ab", "ba")
    ]
    _, restored = ways([], [*tables, *keys])
    assert restored.statements == (
        "ALTER TABLE a DROP CONSTRAINT f", "ALTER TABLE b DROP CONSTRAINT f", "DROP TABLE a", "DROP TABLE b",
    )  # fmt: skip
