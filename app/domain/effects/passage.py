"""A schema before and after a step, each object known again by its place in the catalogs, whatever it is called."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from app.domain.known import known_of
from app.domain.proof import Rows
from app.domain.schema import Key, SchemaObject, Snapshot

RELATIONS = ("table", "foreign table", "view", "materialized view")
TABLES = ("table", "foreign table")
_OWNERS = (*RELATIONS, "domain")
_IN_NO_SCHEMA = frozenset({
    "schema", "extension", "cast", "language", "event trigger", "publication", "foreign data wrapper",
    "foreign server", "user mapping", "default privileges",
})  # fmt: skip
_WORDS = re.compile(r"\w+")
_PART = re.compile(r'"((?:[^"]|"")*)"|([^".(]+)')


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object stands: the oids of its catalog and of itself, of a column its number; 0 for none.

    `file`: the number of a table's file, which another one takes when the table is written anew; 0 for none.
    """

    catalog: int
    oid: int
    number: int = 0
    file: int = 0

    @property
    def identity(self) -> tuple[int, int, int]:
        return self.catalog, self.oid, self.number


@dataclass(frozen=True, eq=False)
class Seen:
    """A schema with the places of its objects, and the rows of its tables by name, as far as they were compared."""

    schema: Snapshot
    places: Mapping[Key, Place] = field(default_factory=dict)
    rows: Mapping[str, Rows] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Passage:
    """`transactional`: the step was one transaction. `spoken_of`: tables whose rows its file itself changes.

    `words`: all that stand in its file, in lower case.
    """

    before: Seen
    after: Seen
    transactional: bool = True
    spoken_of: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()

    def became(self, one: SchemaObject) -> SchemaObject | None:
        """What has become of an object that stood before; None when it is gone, also if another has its name."""
        return self._same(one, self.before, self.after, self._after_by_place)

    def was(self, one: SchemaObject) -> SchemaObject | None:
        """What an object was before; None when it is new."""
        return self._same(one, self.after, self.before, self._before_by_place)

    def stood(self, owner: str | None) -> SchemaObject | None:
        """The relation or domain of that name now, as it was before; None when it is new, or no such thing."""
        found = _owner(self.after.schema, owner)
        return None if found is None else self.was(found)

    def stays(self, owner: str | None) -> SchemaObject | None:
        """The relation or domain that had that name before, as it is now; None when it is gone."""
        found = _owner(self.before.schema, owner)
        return None if found is None else self.became(found)

    def pairs(self, *kinds: str) -> Iterator[tuple[SchemaObject, SchemaObject]]:
        """Objects that stood before and stand now, and are not just what they were, rows and all."""
        return (pair for pair in self._altered if pair[1].kind in kinds)

    def fresh(self, *kinds: str) -> Iterator[SchemaObject]:
        return (one for one in self._fresh if one.kind in kinds)

    def fresh_or_altered(self) -> Iterator[tuple[SchemaObject | None, SchemaObject]]:
        """Each with what it was before; None when it is new."""
        yield from self._altered
        yield from ((None, one) for one in self._fresh)

    def gone(self, *kinds: str) -> Iterator[SchemaObject]:
        return (one for one in self._gone if one.kind in kinds)

    def back(self, one: SchemaObject) -> bool:
        """Whether there is one of its kind and name again."""
        return self.after.schema.get(*one.key) is not None

    def names(self, name: str) -> bool:
        """Whether the last part of `name` stands in the file."""
        parts = _WORDS.findall(name.rpartition(".")[2].lower())
        return bool(parts) and self.words.issuperset(parts)

    def has_another_file(self, was: SchemaObject, now: SchemaObject) -> bool:
        before, after = self.before.places.get(was.key), self.after.places.get(now.key)
        return before is not None and after is not None and before.file != after.file

    def column_is(self, table: str, name: str) -> SchemaObject | None:
        """The column that had that name before, as it is now; None when it is gone."""
        found = self.before.schema.get("column", f"{table}.{name}")
        return None if found is None else self.became(found)

    @cached_property
    def moved_schemas(self) -> Mapping[str, str]:
        """The schemas that bear another name now, by the one they had."""
        pairs = self.pairs("schema")
        return {was.identity: now.identity for was, now in pairs if was.identity != now.identity}

    @cached_property
    def gone_schemas(self) -> frozenset[str]:
        return frozenset(one.identity for one in self.gone("schema"))

    def goes_with_its_schema(self, one: SchemaObject) -> bool:
        if one.kind in _IN_NO_SCHEMA:
            return False
        return any(one.identity.startswith(f"{schema}.") for schema in self.gone_schemas)

    def _same(
        self, one: SchemaObject, here: Seen, there: Seen, by_place: Mapping[tuple[int, int, int], Key]
    ) -> SchemaObject | None:
        place = here.places.get(one.key)
        if place is None:
            return there.schema.get(*one.key)
        key = by_place.get(place.identity)
        return None if key is None else there.schema.get(*key)

    @cached_property
    def not_null(self) -> frozenset[tuple[str, str]]:
        """Columns, by table, that a CHECK has proven to hold no NULL before."""
        return known_of(self.before.schema).not_null

    @cached_property
    def _untouched(self) -> frozenset[Key]:
        """What is to the letter what it was: nearly everything, so that nothing more is asked of it."""
        before, after = self.before, self.after
        return frozenset(
            key
            for key, one in before.schema.objects.items()
            if (now := after.schema.objects.get(key)) is not None
            and one.facts == now.facts
            and before.places.get(key) == after.places.get(key)
            and before.rows.get(one.identity) == after.rows.get(one.identity)
        )

    @cached_property
    def _altered(self) -> tuple[tuple[SchemaObject, SchemaObject], ...]:
        pairs = ((self.was(one), one) for one in self.after.schema if one.key not in self._untouched)
        return tuple((was, now) for was, now in pairs if was is not None)

    @cached_property
    def _fresh(self) -> tuple[SchemaObject, ...]:
        touched = (one for one in self.after.schema if one.key not in self._untouched)
        return tuple(one for one in touched if self.was(one) is None)

    @cached_property
    def _gone(self) -> tuple[SchemaObject, ...]:
        touched = (one for one in self.before.schema if one.key not in self._untouched)
        return tuple(one for one in touched if self.became(one) is None)

    @cached_property
    def _after_by_place(self) -> Mapping[tuple[int, int, int], Key]:
        return {place.identity: key for key, place in self.after.places.items()}

    @cached_property
    def _before_by_place(self) -> Mapping[tuple[int, int, int], Key]:
        return {place.identity: key for key, place in self.before.places.items()}


def words_in(text: str) -> frozenset[str]:
    """As `Passage.words` has them."""
    return frozenset(_WORDS.findall(text.lower()))


def stored(identity: str) -> str:
    """A quoted name as the server stores it, without the arguments of a function: `public.Orders.note`."""
    parts: list[str] = []
    at = 0
    while found := _PART.match(identity, at):
        parts.append(found[2] if found[1] is None else found[1].replace('""', '"'))
        at = found.end()
        if identity[at : at + 1] != ".":
            break
        at += 1
    return ".".join(parts)


def made_as(one: SchemaObject) -> str:
    """How it stands among what a plan has made."""
    name = stored(one.identity)
    return f"{name}()" if one.kind in ("function", "procedure", "aggregate") else name


def _owner(schema: Snapshot, identity: str | None) -> SchemaObject | None:
    found = (schema.get(kind, identity or "") for kind in _OWNERS)
    return next((one for one in found if one is not None), None)
