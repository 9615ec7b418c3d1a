"""Schemas in short: `table(1, "public.a", column("x", "integer"))`; the number is what tells one thing from another."""

from dataclasses import dataclass, replace
from typing import Any

from app.domain.effects import Passage, Place, Seen, effects_of
from app.domain.proof import Rows
from app.domain.schema import Fact, SchemaObject, Snapshot

CLASS, OTHER = 1259, 1


@dataclass(frozen=True)
class Thing:
    found: SchemaObject
    place: Place


def thing(number: int, kind: str, identity: str, file: int = 0, **facts: Any) -> Thing:
    return Thing(SchemaObject(kind, identity, facts), Place(OTHER, number, 0, file))


def table(number: int, identity: str, *parts: Thing, kind: str = "table", file: int = 0, **facts: Any) -> list[Thing]:
    """Its parts are given without it: their names and places follow from its own."""
    whole = Thing(SchemaObject(kind, identity, facts), Place(CLASS, number, 0, file))
    return [whole, *(_placed(whole, part) for part in parts)]


def column(name: str, type_: str = "integer", number: int = 1, **facts: Any) -> Thing:
    return Thing(SchemaObject("column", name, {"type": type_, **facts}), Place(CLASS, 0, number))


def part(number: int, kind: str, name: str, definition: str = "", **facts: Any) -> Thing:
    """A constraint, index, trigger, rule or policy; an index is given with its schema."""
    defined: dict[str, Fact] = {"definition": definition} if definition else {}
    return Thing(SchemaObject(kind, name, {**defined, **facts}), Place(OTHER, number))


def seen(*things: Thing | list[Thing], rows: dict[str, str] | None = None) -> Seen:
    """`rows`: of each table one letter a row."""
    every = [one for given in things for one in (given if isinstance(given, list) else [given])]
    columns = {
        owner: tuple(sorted(one.found.name for one in every if one.found.kind == "column" and one.found.of == owner))
        for owner in rows or {}
    }
    return Seen(
        Snapshot.of(one.found for one in every),
        {one.found.key: one.place for one in every},
        {name: Rows(columns[name], tuple(letters)) for name, letters in (rows or {}).items()},
    )


def happened(before: Seen, after: Seen, **given: Any) -> set[tuple[str, str]]:
    """Code and object of each effect."""
    return {(one.code.value, one.object) for one in effects_of(Passage(before, after, **given))}


def _placed(whole: Thing, one: Thing) -> Thing:
    owner, kind = whole.found.identity, one.found.kind
    identity = one.found.identity if kind in ("index", "sequence") else f"{owner}.{one.found.identity}"
    found = SchemaObject(kind, identity, {"of": owner, **one.found.facts})
    place = replace(one.place, oid=whole.place.oid) if kind == "column" else one.place
    return Thing(found, place)
