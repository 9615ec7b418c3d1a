"""Columns of tables that stood before: narrowed, required, or not allowed to hold NULL any more."""

from collections.abc import Iterator

from app.domain.casts import Cast, cast_between, type_of
from app.domain.dry_run import Effect
from app.domain.effects.dropped import TYPES
from app.domain.effects.passage import TABLES, Passage, stored
from app.domain.hazards import HazardCode
from app.domain.schema import SchemaObject
from app.domain.words import folded, shown, words_of

_FILLED = ("default", "generated", "identity")
_REQUIRED = "The whole table is read while nobody can read or write it; it fails where one is NULL."
_TO_DO = "Add CHECK ({column} IS NOT NULL) NOT VALID, VALIDATE it in a second migration, then SET NOT NULL."


def effects(passage: Passage) -> Iterator[Effect]:
    for was, column in passage.fresh_or_altered():
        if column.kind != "column" or column.facts.get("inherited"):
            continue
        table = passage.stood(column.of)
        if table is None or table.kind not in TABLES:
            continue
        if was is None:
            yield from _added(column, stored(table.identity))
            continue
        yield from _retyped(passage, was, column)
        name, owner = stored(was.identity), stored(table.identity)
        required = column.facts.get("not_null") and not was.facts.get("not_null")
        if required and (owner, folded(was.name)) not in passage.not_null and not _is_of_a_new_key(passage, column):
            to_do = _TO_DO.format(column=folded(column.name))
            yield Effect(HazardCode.BLOCKS_READS, name, owner, _REQUIRED, to_do)


def is_retyped(passage: Passage, was: SchemaObject, now: SchemaObject) -> bool:
    """A type that only bears another name is the same one."""
    before, after = was.text("type") or "", now.text("type") or ""
    return before != after and _renamed_types(passage, before) != after


def has_retyped(passage: Passage, table: str) -> bool:
    """Whether a column of it has another type than before; `table`: as it is called now."""
    columns = (one for one in passage.after.schema.belonging_to(table) if one.kind == "column")
    return any((was := passage.was(one)) is not None and is_retyped(passage, was, one) for one in columns)


def narrows(old: str, new: str) -> bool:
    """By the table of safe casts; what is not in it may well not fit."""
    return cast_between(type_of(old), type_of(new)) in (Cast.NARROWED, Cast.UNKNOWN)


def _added(column: SchemaObject, table: str) -> Iterator[Effect]:
    if column.facts.get("not_null") and not any(column.facts.get(fact) for fact in _FILLED):
        yield Effect(HazardCode.REQUIRED_COLUMN, f"{table}.{folded(column.name)}", table)


def _retyped(passage: Passage, was: SchemaObject, now: SchemaObject) -> Iterator[Effect]:
    old, new = was.text("type") or "", now.text("type") or ""
    if is_retyped(passage, was, now) and narrows(old, new):
        name = stored(was.identity)
        happens = f"Values of {shown(name)}, which is {old} now, may not fit into {new}."
        yield Effect(HazardCode.TYPE_NARROWED, name, stored(was.of or ""), happens)


def _renamed_types(passage: Passage, text: str) -> str:
    name = text.removesuffix("[]")
    for kind in TYPES:
        found = passage.before.schema.get(kind, name)
        now = None if found is None else passage.became(found)
        if now is not None:
            return now.identity + text[len(name) :]
    return text


def _is_of_a_new_key(passage: Passage, column: SchemaObject) -> bool:
    """A primary key says it for its columns."""
    for one in passage.after.schema.belonging_to(column.of or ""):
        definition = one.text("definition") or ""
        if one.kind == "constraint" and definition.startswith("PRIMARY KEY") and passage.was(one) is None:
            return folded(column.name) in {folded(word) for word in words_of(definition).raw}
    return False
