"""Types and functions as SQL."""

import re
from collections.abc import Callable, Mapping

from app.domain.schema import SchemaObject, Snapshot
from app.domain.schema_sql_rights import rights_sql
from app.domain.schema_statement import Passage, Phase, Statement, Statements, depth, literal, step

_QUALIFIED = re.compile(r'(?:"(?:[^"]|"")+"|[\w$]+)\.(?:"(?:[^"]|"")+"|[\w$]+)')
"""Names as the catalog writes them when nothing is in the search path."""


def _enum(passage: Passage) -> Statements | None:
    one = passage.one
    if passage.after is None:
        return _drop_type(passage, one)
    if passage.before is None:
        labels = ", ".join(literal(label) for label in one.texts("labels"))
        return step(Phase.CREATE_TYPES, f"CREATE TYPE {one.identity} AS ENUM ({labels})")
    return _relabelled(one.identity, passage.before.texts("labels"), passage.after.texts("labels"))


def _relabelled(enum: str, was: tuple[str, ...], now: tuple[str, ...]) -> Statements | None:
    """Labels can be added and renamed, never dropped or moved."""
    if tuple(label for label in now if label in was) == was:
        return tuple(Statement(Phase.CREATE_TYPES, sql) for sql in _added_labels(enum, was, now))
    pairs = [(old, new) for old, new in zip(was, now, strict=False) if old != new]
    if len(was) != len(now) or {old for old, _ in pairs} & set(now):
        return None
    return tuple(
        Statement(Phase.CREATE_TYPES, f"ALTER TYPE {enum} RENAME VALUE {literal(old)} TO {literal(new)}")
        for old, new in pairs
    )


def _added_labels(enum: str, was: tuple[str, ...], now: tuple[str, ...]) -> list[str]:
    found = []
    for place, label in enumerate(now):
        if label not in was:
            where = f" AFTER {literal(now[place - 1])}" if place else f" BEFORE {literal(was[0])}" if was else ""
            found.append(f"ALTER TYPE {enum} ADD VALUE {literal(label)}{where}")
    return found


def _domain(passage: Passage) -> Statements | None:
    one = passage.one
    if passage.after is None:
        return _drop_type(passage, one, "DOMAIN")
    if passage.before is None:
        return _create_domain(passage, passage.after)
    if passage.differ("type", "collation"):
        return None
    alter, found = f"ALTER DOMAIN {one.identity}", []
    if passage.differ("default"):
        default = one.text("default")
        found.append(f"{alter} SET DEFAULT {default}" if default else f"{alter} DROP DEFAULT")
    if passage.differ("not_null"):
        found.append(f"{alter} {'SET' if one.facts.get('not_null') else 'DROP'} NOT NULL")
    return tuple(Statement(Phase.CREATE_TYPES, sql) for sql in found)


def _create_domain(passage: Passage, domain: SchemaObject) -> Statements:
    sql = f"CREATE DOMAIN {domain.identity} AS {domain.text('type')}"
    sql += f" COLLATE {domain.text('collation')}" if domain.text("collation") else ""
    sql += f" DEFAULT {domain.text('default')}" if domain.text("default") else ""
    sql += " NOT NULL" if domain.facts.get("not_null") else ""
    constraints = [one for one in passage.goal.belonging_to(domain.identity) if one.kind == "domain constraint"]
    sql += "".join(f" CONSTRAINT {one.name} {one.text('definition')}" for one in constraints)
    comments = [rights_sql(Passage(None, one, passage.source, passage.goal)) for one in constraints]
    return (
        *step(Phase.CREATE_TYPES, sql, depth(domain, passage.goal)),
        *(statement for one in comments for statement in one),
    )


def _domain_constraint(passage: Passage) -> Statements | None:
    one, found = passage.one, []
    alter = f"ALTER DOMAIN {one.of}"
    if passage.before is not None and passage.differ("definition"):
        found.append(Statement(Phase.DROP_CONSTRAINTS, f"{alter} DROP CONSTRAINT {one.name}"))
    if passage.after is not None and passage.differ("definition"):
        found.append(Statement(Phase.CREATE_TYPES, f"{alter} ADD CONSTRAINT {one.name} {one.text('definition')}"))
    return tuple(found)


def _composite(passage: Passage) -> Statements | None:
    one = passage.one
    if passage.after is None:
        return _drop_type(passage, one)
    now = passage.after.texts("attributes")
    if passage.before is None:
        return step(Phase.CREATE_TYPES, f"CREATE TYPE {one.identity} AS ({', '.join(now)})", depth(one, passage.goal))
    was = passage.before.texts("attributes")
    kept = tuple(one for one in was if one in now)
    if now[: len(kept)] != kept:
        return None
    dropped = [f"DROP ATTRIBUTE {_attribute_name(gone)}" for gone in was if gone not in now]
    added = [f"ADD ATTRIBUTE {new}" for new in now[len(kept) :]]
    return tuple(Statement(Phase.CREATE_TYPES, f"ALTER TYPE {one.identity} {change}") for change in (*dropped, *added))


def _attribute_name(attribute: str) -> str:
    """A quoted name may have spaces in it."""
    if attribute.startswith('"'):
        end = attribute.replace('""', "__").index('"', 1)
        return attribute[: end + 1]
    return attribute.split(" ", 1)[0]


def _range(passage: Passage) -> Statements | None:
    one = passage.one
    if passage.after is None:
        return _drop_type(passage, one)
    details = passage.after.facts.get("range")
    if not isinstance(details, dict) or details.keys() & {"canonical", "difference"}:
        return None
    if passage.before is not None:
        return None if passage.differ("range") else ()
    options = f"SUBTYPE = {details['subtype']}, SUBTYPE_OPCLASS = {details['operator_class']}"
    options += f", COLLATION = {details['collation']}" if "collation" in details else ""
    options += f", MULTIRANGE_TYPE_NAME = {details['multirange']}"
    return step(Phase.CREATE_TYPES, f"CREATE TYPE {one.identity} AS RANGE ({options})", depth(one, passage.goal))


def _drop_type(passage: Passage, one: SchemaObject, word: str = "TYPE") -> Statements:
    return step(Phase.DROP_TYPES, f"DROP {word} {one.identity}", -depth(one, passage.source))


def _function(passage: Passage) -> Statements | None:
    one, before, after = passage.one, passage.before, passage.after
    reads_before, reads_after = _names_relations(before, passage.source), _names_relations(after, passage.goal)
    dropping = step(
        Phase.DROP_READERS if reads_before else Phase.DROP_FUNCTIONS, f"DROP {one.kind.upper()} {one.identity}"
    )
    if after is None:
        return dropping
    creating = step(Phase.CREATE_READERS if reads_after else Phase.CREATE_FUNCTIONS, after.text("definition") or "")
    if before is None:
        return creating
    if not passage.differ("definition", "returns"):
        return ()
    if _head(before) == _head(after) and not passage.differ("returns"):
        return creating
    # neither the result nor the arguments can be replaced
    anew = Passage(None, after, passage.source, passage.goal)
    return (*dropping, *creating, *rights_sql(anew))


def _names_relations(function: SchemaObject | None, snapshot: Snapshot) -> bool:
    """Whether it cannot be without a table or view: as a type of its head, or in a body that is kept parsed.

    A table that in turn needs the function, in a default, is not seen: then the order has to be mended by hand.
    """
    if function is None:
        return False
    definition = function.text("definition") or ""
    text = f"{function.identity} {function.text('returns')}" if "\nAS " in definition else definition
    return not snapshot.relations.isdisjoint(_QUALIFIED.findall(text))


def _head(function: SchemaObject) -> str:
    return (function.text("definition") or "").split("\n", 1)[0]


TYPES: Mapping[str, Callable[[Passage], Statements | None]] = {
    "enum": _enum,
    "domain": _domain,
    "domain constraint": _domain_constraint,
    "composite type": _composite,
    "range": _range,
    "function": _function,
    "procedure": _function,
}
