"""A statement that is sent range by range says so right above itself, and what is wrong is said with its line."""

import pytest

from app.domain.batch import Batch, directives, has_batches

UPDATE = "UPDATE orders SET state = 'new' WHERE id BETWEEN $1 AND $2;"


@pytest.mark.parametrize(
    ("options", "batch"),
    [
        ("table=orders key=id", Batch("orders", "id", 1_000, 0)),
        ("table=shop.orders key=id size=5000 pause=50", Batch("shop.orders", "id", 5_000, 50)),
        ('key="Id" table="S"."Orders"', Batch('"S"."Orders"', '"Id"')),
    ],
)
def test_a_batch_names_its_table_its_key_and_how_many_rows_a_range_has(options: str, batch: Batch) -> None:
    text = f"SELECT 1;\n-- liftlock: batch {options}\n-- and why\n{UPDATE}"
    (found,) = directives(text)
    assert (found.batch, found.problem, found.line) == (batch, None, 2)
    assert found.statement_offset == text.index("UPDATE")
    assert has_batches(text) and not has_batches(UPDATE) and not has_batches("SELECT '-- liftlock: batch'")


@pytest.mark.parametrize(
    ("directive", "statement", "says"),
    [
        ("batch key=id", UPDATE, "`table=` is missing"),
        ("batch table=orders", UPDATE, "`key=` is missing"),
        ("batch table=orders; key=id", UPDATE, "no name"),
        ("batch table=orders key=id size=1 size=2", UPDATE, "given twice"),
        ("batch table=orders key=id size=0", UPDATE, "from 1 to 1000000"),
        ("batch table=orders key=id size=x", UPDATE, "whole number"),
        ("batch table=orders key=id rows=5", UPDATE, "'rows' is not known"),
        ("batch table=orders key=id fast", UPDATE, "'fast' is not known"),
        ("bach table=orders key=id", UPDATE, "there is no `liftlock: bach`"),
        ("batch table=orders key=id", "CREATE TABLE t ();", "no UPDATE, DELETE, INSERT or MERGE follows"),
        ("batch table=orders key=id", "", "no UPDATE, DELETE, INSERT or MERGE follows"),
        ("batch table=orders key=id", "UPDATE orders SET a = 1 WHERE id > $1;", "WHERE id BETWEEN $1 AND $2"),
    ],
)
def test_what_is_wrong_with_a_batch_is_said_with_what_to_write(directive: str, statement: str, says: str) -> None:
    (found,) = directives(f"\n-- liftlock: {directive}\n{statement}")
    assert found.batch is None and found.line == 2
    assert says in (found.problem or "")


@pytest.mark.parametrize("line", ["-- LIFTLOCK: batch table=orders key=id", "-- liftlock batch table=orders key=id"])
def test_a_misspelt_batch_is_no_comment(line: str) -> None:
    (found,) = directives(f"{line}\n{UPDATE}")
    assert "in this spelling" in (found.problem or "")


def test_two_batches_above_one_statement_are_one_too_many() -> None:
    line = "-- liftlock: batch table=orders key=id\n"
    first, second = directives(f"{line}{line}{UPDATE}")
    assert first.problem is None and "two batches" in (second.problem or "")
