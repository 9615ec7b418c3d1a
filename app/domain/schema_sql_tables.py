"""Tables, views and columns as SQL: made, changed, dropped."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain

from app.domain.schema import SchemaObject, Snapshot
from app.domain.schema_sql_columns import column_clause, column_sql
from app.domain.schema_sql_options import options_clause, options_sql
from app.domain.schema_sql_parts import PARTS
from app.domain.schema_sql_rights import rights_sql
from app.domain.schema_statement import Passage, Phase, Statement, Statements, depth, step


def _table(passage: Passage) -> Statements | None:
    match passage.before, passage.after:
        case _, None:
            return _drop(passage, passage.one)
        case None, after:
            return _create(passage, after)
        case before, after:
            return _alter(passage, before, after)


def _drop(passage: Passage, table: SchemaObject) -> Statements:
    """Foreign keys to tables that go as well are dropped first: two may point at each other."""
    parts = (one for one in passage.source.belonging_to(table.identity) if one.kind == "constraint")
    keys = [one for one in parts if _points_at_what_goes(passage, one)]
    dropping = (step(Phase.DROP_FOREIGN_KEYS, f"ALTER TABLE {one.of} DROP CONSTRAINT {one.name}") for one in keys)
    rank = -depth(table, passage.source)
    return (*chain.from_iterable(dropping), *step(Phase.DROP_TABLES, f"DROP TABLE {table.identity}", rank))


def _points_at_what_goes(passage: Passage, constraint: SchemaObject) -> bool:
    _, _, referenced = (constraint.text("definition") or "").partition(" REFERENCES ")
    going = (one.identity for one in passage.source if one.kind == "table" and one.key not in passage.goal.objects)
    own = constraint.facts.get("inherited") is not True
    return own and any(referenced.startswith(f"{table}(") for table in going if table != constraint.of)


def _create(passage: Passage, table: SchemaObject) -> Statements | None:
    parts = sorted(passage.goal.belonging_to(table.identity), key=_place)
    found = [Statement(Phase.CREATE_TABLES, _create_sql(table, parts), depth(table, passage.goal))]
    for part in parts:
        if part.facts.get("inherited") or part.kind == "not null constraint":
            continue
        one = Passage(None, part, passage.source, passage.goal)
        if part.kind != "column" and not part.facts.get("for_identity") and "partition_of" not in part.facts:
            way = PARTS[part.kind](one)
            if way is None:
                return None
            found.extend(way)
        found.extend(rights_sql(one))
    found.extend(Statement(Phase.CREATE_GUARDS, sql) for sql in _settings(None, table))
    return tuple(found)


def _create_sql(table: SchemaObject, parts: list[SchemaObject]) -> str:
    unlogged = "UNLOGGED " if table.text("persistence") else ""
    sql = f"CREATE {unlogged}TABLE {table.identity}"
    bound, parents = table.text("bound"), table.texts("inherits")
    if bound is not None:
        sql += f" PARTITION OF {parents[0]} {bound}"
    else:
        sql += f" OF {table.text('of_type')}" if table.text("of_type") else ""
        columns = [
            column_clause(one, parts) for one in parts if one.kind == "column" and not one.facts.get("inherited")
        ]
        if not table.text("of_type"):
            sql += " (\n    " + ",\n    ".join(columns) + "\n)" if columns else " ()"
        sql += f" INHERITS ({', '.join(parents)})" if parents else ""
    return sql + _storage(table)


def _storage(table: SchemaObject) -> str:
    sql = f" PARTITION BY {table.text('partition_by')}" if table.text("partition_by") else ""
    sql += f" USING {table.text('access_method')}" if table.text("access_method") else ""
    sql += f" WITH ({options_clause(table.texts('options'))})" if table.texts("options") else ""
    return sql + (f" TABLESPACE {table.text('tablespace')}" if table.text("tablespace") else "")


def _alter(passage: Passage, before: SchemaObject, after: SchemaObject) -> Statements | None:
    if passage.differ("partition_by"):
        return None
    return tuple(
        Statement(Phase.ALTER_TABLES, sql)
        for sql in (*_family(before, after), *_settings(before, after), *_place_of(before, after))
    )


def _family(before: SchemaObject, after: SchemaObject) -> Iterator[str]:
    """Partitions and inheritance. What a parent gives comes with it."""
    was, now = before.texts("inherits"), after.texts("inherits")
    if (was, before.text("bound")) == (now, after.text("bound")):
        return
    if before.text("bound") is not None:
        yield f"ALTER TABLE {was[0]} DETACH PARTITION {after.identity}"
        was = ()
    if after.text("bound") is not None:
        yield f"ALTER TABLE {now[0]} ATTACH PARTITION {after.identity} {after.text('bound')}"
        return
    yield from (f"ALTER TABLE {after.identity} NO INHERIT {parent}" for parent in was if parent not in now)
    yield from (f"ALTER TABLE {after.identity} INHERIT {parent}" for parent in now if parent not in was)


def _settings(before: SchemaObject | None, after: SchemaObject) -> Iterator[str]:
    """What CREATE TABLE does not say."""

    def differs(fact: str) -> bool:
        return (before.facts.get(fact) if before else None) != after.facts.get(fact)

    table = f"ALTER TABLE {after.identity}"
    if differs("row_security"):
        yield f"{table} {'ENABLE' if after.facts.get('row_security') else 'DISABLE'} ROW LEVEL SECURITY"
    if differs("forced_row_security"):
        yield f"{table} {'' if after.facts.get('forced_row_security') else 'NO '}FORCE ROW LEVEL SECURITY"
    identity = after.text("replica_identity")
    if differs("replica_identity") and identity != "USING INDEX":
        yield f"{table} REPLICA IDENTITY {identity or 'DEFAULT'}"


def _place_of(before: SchemaObject, after: SchemaObject) -> Iterator[str]:
    table = f"ALTER TABLE {after.identity}"
    if before.text("persistence") != after.text("persistence"):
        yield f"{table} SET {'UNLOGGED' if after.text('persistence') else 'LOGGED'}"
    if before.text("tablespace") != after.text("tablespace"):
        yield f"{table} SET TABLESPACE {after.text('tablespace') or 'pg_default'}"
    if before.text("access_method") != after.text("access_method"):
        yield f"{table} SET ACCESS METHOD {after.text('access_method') or 'heap'}"
    if before.text("of_type") != after.text("of_type"):
        yield f"{table} OF {after.text('of_type')}" if after.text("of_type") else f"{table} NOT OF"
    yield from options_sql(table, before, after)


def _view(passage: Passage) -> Statements | None:
    word = passage.one.kind.upper()
    match passage.before, passage.after:
        case _, None:
            rank = -depth(passage.one, passage.source)
            return step(Phase.DROP_VIEWS, f"DROP {word} {passage.one.identity}", rank)
        case None, after:
            return _create_view(passage, after, "CREATE")
        case before, after:
            pass
    if not passage.differ("definition"):
        alter = f"ALTER {word} {after.identity}"
        changes = list(options_sql(alter, before, after))
        if passage.differ("tablespace"):
            changes.append(f"{alter} SET TABLESPACE {after.text('tablespace') or 'pg_default'}")
        return tuple(Statement(Phase.CREATE_GUARDS, sql) for sql in changes)
    if after.kind == "view" and _keeps_columns(passage, after.identity):
        replacing = step(Phase.CREATE_VIEWS, _view_sql(after, "CREATE OR REPLACE"), depth(after, passage.goal))
        return (*replacing, *_rights_of_new_columns(passage, after))
    anew = Passage(None, after, passage.source, passage.goal)
    return (
        *step(Phase.DROP_VIEWS, f"DROP {word} {after.identity}", -depth(before, passage.source)),
        *_create_view(anew, after, "CREATE"),
        *rights_sql(anew),
    )


def _create_view(passage: Passage, view: SchemaObject, create: str) -> Statements:
    found = [Statement(Phase.CREATE_VIEWS, _view_sql(view, create), depth(view, passage.goal))]
    for part in sorted(passage.goal.belonging_to(view.identity), key=_place):
        one = Passage(None, part, passage.source, passage.goal)
        if part.kind == "column":
            default = part.text("default")
            found += (
                [
                    Statement(
                        Phase.CREATE_GUARDS,
                        f"ALTER VIEW {view.identity} ALTER COLUMN {part.name} SET DEFAULT {default}",
                    )
                ]
                if default
                else []
            )
        else:
            found += [Statement(max(way.phase, Phase.CREATE_GUARDS), way.sql) for way in PARTS[part.kind](one) or ()]
        found += rights_sql(one)
    return tuple(found)


def _rights_of_new_columns(passage: Passage, view: SchemaObject) -> Statements:
    columns = (one for one in passage.goal.belonging_to(view.identity) if one.kind == "column")
    new = (one for one in columns if one.key not in passage.source.objects)
    rights = (rights_sql(Passage(None, one, passage.source, passage.goal)) for one in new)
    return tuple(statement for statements in rights for statement in statements)


def _view_sql(view: SchemaObject, create: str) -> str:
    options = f" WITH ({options_clause(view.texts('options'))})" if view.texts("options") else ""
    no_data = "\nWITH NO DATA" if view.facts.get("unpopulated") else ""
    return f"{create} {view.kind.upper()} {view.identity}{options} AS\n{view.text('definition')}{no_data}"


def _keeps_columns(passage: Passage, view: str) -> bool:
    """CREATE OR REPLACE VIEW may add columns at the end, and nothing else."""
    before, after = (_columns_of(snapshot, view) for snapshot in (passage.source, passage.goal))
    return after[: len(before)] == before


def _columns_of(snapshot: Snapshot, relation: str) -> list[tuple[str, str | None, str | None]]:
    columns = sorted((one for one in snapshot.belonging_to(relation) if one.kind == "column"), key=_place)
    return [(one.name, one.text("type"), one.text("collation")) for one in columns]


def _place(one: SchemaObject) -> tuple[int, str]:
    position = one.facts.get("position")
    return (position if isinstance(position, int) else 0, one.identity)


TABLES: Mapping[str, Callable[[Passage], Statements | None]] = {
    "table": _table,
    "view": _view,
    "materialized view": _view,
    "column": column_sql,
}
