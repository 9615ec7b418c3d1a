"""Constraints, indexes and triggers that tables which stood before did not have: what made them stopped others."""

from collections.abc import Iterator

from app.domain.dry_run import Effect
from app.domain.effects.columns import has_retyped
from app.domain.effects.passage import TABLES, Passage, stored
from app.domain.hazards import HazardCode, Risk
from app.domain.schema import SchemaObject
from app.domain.words import shown

_LOOKED_AT = "Nobody can read or write the table while every row is looked at."
_BUILT = "Nobody can read or write the table while the index is built; it fails where two rows exclude each other."
_COMPARED = "Nobody can write {table} or {other} while the rows are compared."
_INDEXED = "Nobody can write {table} while the index is built; reads go on."
_TRIGGERED = "Nobody can write the table until the migration has ended, and every change runs the trigger afterwards."
_OF_DOMAIN = "Nobody can write a table with a column of the domain while every row of it is looked at."
_NOT_VALID = "Add it NOT VALID, and VALIDATE CONSTRAINT in a second migration: that lets {what} go on."
_USING_INDEX = "CREATE UNIQUE INDEX CONCURRENTLY first, then ADD CONSTRAINT … USING INDEX."
_QUIET = "Run it when nobody needs the table, or build it on a new table and move the rows."
_CONCURRENTLY = "Write CREATE INDEX CONCURRENTLY, in a migration of its own."
_ALONE = "Put it into a migration of its own that does nothing slow."


def effects(passage: Passage) -> Iterator[Effect]:
    for one in passage.fresh("constraint", "domain constraint", "index", "trigger"):
        owner = passage.stood(one.of)
        if owner is None or one.facts.get("inherited") or _had_it(passage, one, owner):
            continue
        table = stored(owner.identity)
        if one.kind == "domain constraint" and _is_validated(one):
            to_do = _NOT_VALID.format(what="writes")
            yield Effect(HazardCode.BLOCKS_WRITES, table, table, _OF_DOMAIN, to_do)
        elif owner.kind in TABLES:
            yield from _on_table(passage, one, table)


def _on_table(passage: Passage, one: SchemaObject, table: str) -> Iterator[Effect]:
    match one.kind:
        case "constraint" if _is_validated(one):
            yield from _constraint(passage, one, table)
        case "index" if passage.transactional and _is_built(one):
            happens = _INDEXED.format(table=shown(table))
            yield Effect(HazardCode.BLOCKS_WRITES, table, table, happens, _CONCURRENTLY)
        case "trigger":
            yield Effect(HazardCode.BLOCKS_WRITES, table, table, _TRIGGERED, _ALONE, Risk.LOW)


def _constraint(passage: Passage, one: SchemaObject, table: str) -> Iterator[Effect]:
    definition = one.text("definition") or ""
    kind = definition.split(" ", 1)[0]
    if kind == "CHECK":
        yield Effect(HazardCode.BLOCKS_READS, table, table, _LOOKED_AT, _NOT_VALID.format(what="reads and writes"))
    elif kind == "FOREIGN":
        other = stored(definition.partition(" REFERENCES ")[2])
        happens = _COMPARED.format(table=shown(table), other=shown(other))
        yield Effect(HazardCode.BLOCKS_WRITES, table, table, happens, _NOT_VALID.format(what="writes"))
    elif kind in ("UNIQUE", "PRIMARY") and not _took_an_index(passage, one):
        yield Effect(HazardCode.BLOCKS_READS, table, table, _BUILT, _USING_INDEX)
    elif kind == "EXCLUDE":
        yield Effect(HazardCode.BLOCKS_READS, table, table, _BUILT, _QUIET)


def _had_it(passage: Passage, one: SchemaObject, owner: SchemaObject) -> bool:
    """One of that name, made anew with a column that was given another type."""
    identity = one.identity if one.kind == "index" else f"{owner.identity}.{one.name}"
    return passage.before.schema.get(one.kind, identity) is not None and has_retyped(passage, one.of or "")


def _is_validated(constraint: SchemaObject) -> bool:
    return not (constraint.text("definition") or "").endswith("NOT VALID")


def _is_built(index: SchemaObject) -> bool:
    """That of a constraint is said by it, that of a partition by the whole; the frame of one holds no rows."""
    return not (index.text("constraint") or index.text("partition_of") or index.facts.get("invalid"))


def _took_an_index(passage: Passage, constraint: SchemaObject) -> bool:
    indexes = (one for one in passage.after.schema.belonging_to(constraint.of or "") if one.kind == "index")
    return any(one.text("constraint") == constraint.name and passage.was(one) is not None for one in indexes)
