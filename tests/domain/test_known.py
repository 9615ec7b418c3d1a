"""A snapshot tells the types of columns and which of them a CHECK proves to hold no NULL."""

from app.domain.known import known_of
from app.domain.schema import SchemaObject, Snapshot


def column(of: str, name: str, type_: str) -> SchemaObject:
    return SchemaObject("column", f"{of}.{name}", {"of": of, "type": type_})


def check(of: str, name: str, definition: str) -> SchemaObject:
    return SchemaObject("constraint", f"{of}.{name}", {"of": of, "definition": definition})


def test_types_are_found_by_names_as_statements_have_them() -> None:
    known = known_of(
        Snapshot.of(
            [
                column("public.orders", "note", "character varying(20)"),
                column('shop."Line Items"', '"No."', "integer"),
                column('shop."a.b"', "c", "text"),
            ]
        )
    )
    assert known.column_types == {
        ("public.orders", "note"): "character varying(20)",
        ("shop.Line Items", "No."): "integer",
        ("shop.a.b", "c"): "text",
    }


def test_only_a_validated_check_of_just_that_proves_a_column_not_null() -> None:
    known = known_of(
        Snapshot.of(
            [
                check("public.o", "one", "CHECK ((note IS NOT NULL))"),
                check("public.o", "two", "CHECK ((amount IS NOT NULL)) NOT VALID"),
                check("public.o", "three", "CHECK (((a IS NOT NULL) OR (b IS NOT NULL)))"),
                check("public.o", "four", "FOREIGN KEY (note) REFERENCES x(id)"),
            ]
        )
    )
    assert known.not_null == {("public.o", "note")}
