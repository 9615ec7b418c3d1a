"""Columns as SQL."""

from collections.abc import Iterable, Iterator

from app.domain.schema import SchemaObject
from app.domain.schema_sql_sequences import sequence_options
from app.domain.schema_statement import Passage, Phase, Statement, Statements

_OF_THE_PARENT = ("inherited", "also_inherited")
_STORED_APART = ("numeric", "inet", "cidr")
"""Types whose usual storage is MAIN; of all others that can be stored apart it is EXTENDED."""


def column_clause(column: SchemaObject, parts: Iterable[SchemaObject]) -> str:
    """As in CREATE TABLE and ADD COLUMN; `parts` are what belongs to the same table."""
    parts = list(parts)
    words = [column.name, column.text("type") or ""]
    words += [f"COLLATE {column.text('collation')}"] if column.text("collation") else []
    words += [f"COMPRESSION {column.text('compression')}"] if column.text("compression") else []
    words += [f"GENERATED ALWAYS AS {column.text('generated')}"] if column.text("generated") else []
    words += [f"DEFAULT {column.text('default')}"] if column.text("default") else []
    if identity := column.text("identity"):
        words += [f"GENERATED {identity} AS IDENTITY{_identity_options(column, parts)}"]
    if column.facts.get("not_null"):
        words += [f"{_not_null_name(column, parts)}NOT NULL"]
    return " ".join(words)


def column_sql(passage: Passage) -> Statements | None:
    one = passage.one
    relation = passage.goal.get("table", one.of or "") or passage.source.get("table", one.of or "")
    if relation is None:
        return _view_column(passage)
    match passage.before, passage.after:
        case _, None:
            sql = f"ALTER TABLE {one.of} DROP COLUMN {one.name}"
            return None if one.facts.get("inherited") else (Statement(Phase.DROP_TABLES, sql),)
        case None, after:
            return None if one.facts.get("inherited") else _add(passage, after)
        case before, after:
            return _alter(passage, before, after)


def _add(passage: Passage, column: SchemaObject) -> Statements:
    parts = list(passage.goal.belonging_to(column.of or ""))
    adding = Statement(Phase.ALTER_TABLES, f"ALTER TABLE {column.of} ADD COLUMN {column_clause(column, parts)}")
    return (adding, *(Statement(Phase.ALTER_TABLES, sql) for sql in _storage(None, column)))


def _alter(passage: Passage, before: SchemaObject, after: SchemaObject) -> Statements | None:
    if passage.differ(*_OF_THE_PARENT) and not _comes_with_the_table(passage, after):
        return None
    if passage.differ("generated") and after.text("generated"):
        dropping = Statement(Phase.DROP_TABLES, f"ALTER TABLE {after.of} DROP COLUMN {after.name}")
        return (dropping, *_add(passage, after))
    changes = (*_values(before, after), *_not_null(passage, before, after), *_storage(before, after))
    return tuple(Statement(Phase.ALTER_TABLES, sql) for sql in changes)


def _comes_with_the_table(passage: Passage, column: SchemaObject) -> bool:
    """A table that gets or loses a parent; a column of its own stays its own, except in a partition."""
    tables = (passage.source.get("table", column.of or ""), passage.goal.get("table", column.of or ""))
    was, now = (one.texts("inherits") if one else () for one in tables)
    becomes_given = column.facts.get("inherited") is True
    return was != now and not (becomes_given and tables[1] and "bound" not in tables[1].facts)


def _values(before: SchemaObject, after: SchemaObject) -> Iterator[str]:
    alter = _alter_column(after)
    retyped = (before.text("type"), before.text("collation")) != (after.text("type"), after.text("collation"))
    if before.text("generated") and not after.text("generated"):
        yield f"{alter} DROP EXPRESSION"
    if before.text("identity") and not after.text("identity"):
        yield f"{alter} DROP IDENTITY"
    redefault = before.text("default") != after.text("default")
    if before.text("default") and (redefault and (retyped or not after.text("default"))):
        yield f"{alter} DROP DEFAULT"
    if retyped:
        collate = f" COLLATE {after.text('collation')}" if after.text("collation") else ""
        yield f"{alter} TYPE {after.text('type')}{collate} USING {after.name}::{after.text('type')}"
    if redefault and after.text("default"):
        yield f"{alter} SET DEFAULT {after.text('default')}"


def _not_null(passage: Passage, before: SchemaObject, after: SchemaObject) -> Iterator[str]:
    alter = _alter_column(after)
    identity = before.text("identity") != after.text("identity") and after.text("identity")
    if before.facts.get("not_null") != after.facts.get("not_null"):
        parts = list(passage.goal.belonging_to(after.of or ""))
        name = _not_null_name(after, parts)
        if not after.facts.get("not_null"):
            yield f"{alter} DROP NOT NULL"
        elif name:
            yield f"ALTER TABLE {after.of} ADD {name}NOT NULL {after.name}"
        else:
            yield f"{alter} SET NOT NULL"
    if identity:
        adding = before.text("identity") is None
        options = _identity_options(after, list(passage.goal.belonging_to(after.of or ""))) if adding else ""
        yield f"{alter} {'ADD' if adding else 'SET'} GENERATED {identity}{' AS IDENTITY' if adding else ''}{options}"


def _storage(before: SchemaObject | None, after: SchemaObject) -> Iterator[str]:
    def was(fact: str) -> object:
        return before.facts.get(fact) if before else None

    alter = _alter_column(after)
    if was("storage") != after.text("storage"):
        yield f"{alter} SET STORAGE {after.text('storage') or _usual_storage(after)}"
    if before and was("compression") != after.text("compression"):
        yield f"{alter} SET COMPRESSION {after.text('compression') or 'default'}"
    if was("statistics_target") != after.facts.get("statistics_target"):
        yield f"{alter} SET STATISTICS {after.facts.get('statistics_target', -1)}"
    options = before.texts("options") if before else ()
    if options != after.texts("options"):
        if gone := sorted({_name(one) for one in options} - {_name(one) for one in after.texts("options")}):
            yield f"{alter} RESET ({', '.join(gone)})"
        if after.texts("options"):
            yield f"{alter} SET ({', '.join(after.texts('options'))})"


def _view_column(passage: Passage) -> Statements | None:
    """Of a view only what CREATE VIEW does not say."""
    after, before = passage.after, passage.before
    if before is None or after is None or passage.differ("type", "collation"):
        return None
    if not passage.differ("default"):
        return ()
    default = after.text("default")
    sql = f"ALTER VIEW {after.of} ALTER COLUMN {after.name} " + (
        f"SET DEFAULT {default}" if default else "DROP DEFAULT"
    )
    return (Statement(Phase.CREATE_GUARDS, sql),)


def _identity_options(column: SchemaObject, parts: list[SchemaObject]) -> str:
    owned = (one for one in parts if one.kind == "sequence" and one.text("owned_by") == column.identity)
    sequence = next(owned, None)
    return f" (SEQUENCE NAME {sequence.identity} {sequence_options(sequence)})" if sequence else ""


def _not_null_name(column: SchemaObject, parts: list[SchemaObject]) -> str:
    """`CONSTRAINT name `: PostgreSQL 18 keeps a name for each NOT NULL."""
    named = (
        one
        for one in parts
        if one.kind == "not null constraint" and one.text("definition") == f"NOT NULL {column.name}"
    )
    constraint = next(named, None)
    return f"CONSTRAINT {constraint.name} " if constraint else ""


def _usual_storage(column: SchemaObject) -> str:
    return "MAIN" if (column.text("type") or "").split("(")[0] in _STORED_APART else "EXTENDED"


def _alter_column(column: SchemaObject) -> str:
    return f"ALTER TABLE {column.of} ALTER COLUMN {column.name}"


def _name(option: str) -> str:
    return option.split("=", 1)[0]
