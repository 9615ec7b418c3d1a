"""What belongs to no relation as SQL: schemas, extensions, publications, event triggers, default privileges."""

from collections.abc import Callable, Mapping

from app.domain.schema import SchemaObject
from app.domain.schema_sql_rights import privileges_sql
from app.domain.schema_statement import Passage, Phase, Statement, Statements, literal, step


def _schema(passage: Passage) -> Statements | None:
    identity = passage.one.identity
    if passage.after is None:
        return step(Phase.DROP_SCHEMAS, f"DROP SCHEMA {identity}")
    return step(Phase.CREATE_SCHEMAS, f"CREATE SCHEMA {identity}") if passage.before is None else ()


def _extension(passage: Passage) -> Statements | None:
    one = passage.one
    if passage.after is None:
        return step(Phase.DROP_SCHEMAS, f"DROP EXTENSION {one.identity}")
    version = literal(one.text("version") or "")
    if passage.before is None:
        # an extension that lives in pg_catalog says so itself
        schema = "" if one.text("schema") == "pg_catalog" else f" SCHEMA {one.text('schema')}"
        return step(Phase.CREATE_SCHEMAS, f"CREATE EXTENSION {one.identity}{schema} VERSION {version}")
    if passage.differ("owner"):
        return None
    found = []
    if passage.differ("schema"):
        found.append(f"ALTER EXTENSION {one.identity} SET SCHEMA {one.text('schema')}")
    if passage.differ("version"):
        found.append(f"ALTER EXTENSION {one.identity} UPDATE TO {version}")
    return tuple(Statement(Phase.CREATE_SCHEMAS, sql) for sql in found)


def _publication(passage: Passage) -> Statements | None:
    one, found = passage.one, []
    covers = passage.differ("all_tables", "tables", "schemas")
    if passage.before is not None and (passage.after is None or covers):
        found.append(Statement(Phase.DROP_GUARDS, f"DROP PUBLICATION {one.identity}"))
    if passage.after is None:
        return tuple(found)
    if passage.before is None or covers:
        found.append(
            Statement(Phase.CREATE_GUARDS, f"CREATE PUBLICATION {one.identity}{_covered(one)}{_publishing(one)}")
        )
    elif passage.differ("publishes", "via_root", "generated_columns"):
        found.append(Statement(Phase.CREATE_GUARDS, f"ALTER PUBLICATION {one.identity} SET{_publishing(one)[5:]}"))
    return tuple(found)


def _covered(publication: SchemaObject) -> str:
    if publication.facts.get("all_tables"):
        return " FOR ALL TABLES"
    covered = [f"TABLE {table}" for table in publication.texts("tables")]
    covered += [f"TABLES IN SCHEMA {schema}" for schema in publication.texts("schemas")]
    return f" FOR {', '.join(covered)}" if covered else ""


def _publishing(publication: SchemaObject) -> str:
    via_root = "true" if publication.facts.get("via_root") else "false"
    generated = ", publish_generated_columns = stored" if publication.text("generated_columns") else ""
    return (
        f" WITH (publish = '{publication.text('publishes') or ''}', publish_via_partition_root = {via_root}{generated})"
    )


def _event_trigger(passage: Passage) -> Statements | None:
    one, found = passage.one, []
    redefined = passage.differ("event", "function", "tags")
    if passage.before is not None and (passage.after is None or redefined):
        found.append(Statement(Phase.DROP_GUARDS, f"DROP EVENT TRIGGER {one.identity}"))
    if passage.after is None:
        return tuple(found)
    if redefined:
        tags = ", ".join(literal(tag) for tag in one.texts("tags"))
        when = f" WHEN TAG IN ({tags})" if tags else ""
        sql = f"CREATE EVENT TRIGGER {one.identity} ON {one.text('event')}{when}"
        found.append(Statement(Phase.CREATE_GUARDS, f"{sql} EXECUTE FUNCTION {one.text('function')}()"))
    if passage.differ("enabled"):
        found.append(Statement(Phase.ATTACH, f"ALTER EVENT TRIGGER {one.identity} {one.text('enabled') or 'ENABLE'}"))
    return tuple(found)


def _default_privileges(passage: Passage) -> Statements | None:
    one = passage.one
    before = passage.before.grants() if passage.before else {}
    after = passage.after.grants() if passage.after else {}
    schema, role = one.text("schema"), one.text("role")
    objects = one.text("objects") or ""
    if role in (before.keys() | after.keys()):
        return None
    place = f" IN SCHEMA {schema}" if schema else ""
    # for the whole database they stand in the place of what everybody may do by itself
    public = {"FUNCTIONS": ("EXECUTE",), "TYPES": ("USAGE",)}.get(objects, ()) if schema is None else ()
    found = []
    for who in sorted(before.keys() | after.keys()):
        usual = public if who == "PUBLIC" else ()
        for sql in privileges_sql(objects, who, before.get(who, usual), after.get(who, usual)):
            found.append(Statement(Phase.RIGHTS, f"ALTER DEFAULT PRIVILEGES FOR ROLE {role}{place} {sql}"))
    return tuple(found)


OTHERS: Mapping[str, Callable[[Passage], Statements | None]] = {
    "schema": _schema,
    "extension": _extension,
    "publication": _publication,
    "event trigger": _event_trigger,
    "default privileges": _default_privileges,
}
