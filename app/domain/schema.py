"""A database's schema as a value: its objects with their facts, a canonical text, a fingerprint."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TypeAlias

Fact: TypeAlias = str | int | bool | list["Fact"] | dict[str, "Fact"]
"""What JSON can say of an object; what is absent or usual has no fact."""

Facts: TypeAlias = Mapping[str, Fact]
Key: TypeAlias = tuple[str, str]
"""Kind and identity."""

SOFT = frozenset({"position", "unpopulated"})
"""Facts that are kept, but make no schema another one: the order of columns, and whether a materialized view has
its rows, which it has not in a copy made of the schema alone."""

DIFFERENT_ELSEWHERE = frozenset({"owner", "grants"})
"""Facts that databases of one schema may differ in: roles belong to a server."""

_RELATIONS = frozenset({"table", "view", "materialized view"})
_NOT_NULL = "not null constraint"
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class SchemaObject:
    """One object; `kind` is a word (table, column, index …), `identity` its quoted name as SQL writes it.

    What belongs to another object (a column to its table) names that one in the fact `of`.
    """

    kind: str
    identity: str
    facts: Facts

    @property
    def hard(self) -> Facts:
        """The facts without the soft ones."""
        return self.facts if SOFT.isdisjoint(self.facts) else without(self.facts, SOFT)

    @property
    def key(self) -> Key:
        return self.kind, self.identity

    @property
    def of(self) -> str | None:
        return self.text("of")

    @property
    def name(self) -> str:
        """The quoted name without what it belongs to: `note` of the column `shop.orders.note`."""
        of = self.of
        return self.identity[len(of) + 1 :] if of and self.identity.startswith(f"{of}.") else self.identity

    def text(self, fact: str) -> str | None:
        """Raises TypeError when the fact is no text."""
        found = self.facts.get(fact)
        if found is None or isinstance(found, str):
            return found
        raise TypeError(f"{fact} of {self.kind} {self.identity} is no text: {found!r}")

    def texts(self, fact: str) -> tuple[str, ...]:
        """A list of texts; absent is empty."""
        found = self.facts.get(fact)
        return tuple(str(one) for one in found) if isinstance(found, list) else ()

    def grants(self) -> Mapping[str, tuple[str, ...]]:
        """Who holds what, where that differs from the default: `{"reader": ("SELECT",)}`."""
        found = self.facts.get("grants")
        if not isinstance(found, dict):
            return {}
        return {who: tuple(map(str, held)) for who, held in found.items() if isinstance(held, list)}


@dataclass(frozen=True)
class Snapshot:
    """All objects of a database or of one schema in it, by kind and identity."""

    objects: Mapping[Key, SchemaObject]

    @classmethod
    def of(cls, objects: Iterable[SchemaObject]) -> "Snapshot":
        return cls(MappingProxyType(dict(sorted((one.key, one) for one in objects))))

    @classmethod
    def parse(cls, canonical: str) -> "Snapshot":
        """Read what `canonical` wrote. Raises ValueError when it is no snapshot."""
        read = json.loads(canonical)
        if not isinstance(read, dict):
            raise ValueError("a snapshot is a JSON object of kinds")
        return cls.of(_read_objects(read))

    @cached_property
    def canonical(self) -> str:
        """JSON: kind, then identity, then facts; sorted, without white space, the same for equal snapshots."""
        return _encoded(self, lambda one: one.facts)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON without the soft facts, in hexadecimal: comparable between databases."""
        return hashlib.sha256(_encoded(self, lambda one: one.hard).encode()).hexdigest()

    @cached_property
    def texts_of_kin(self) -> dict[tuple[str, ...], dict[str, str]]:
        """By kinds: where each object of them mentions others. Worked out once, by who orders objects."""
        return {}

    def comparable(self) -> "Snapshot":
        """Without what databases of one schema may differ in: owners, grants, versions of collations and the
        rows that PostgreSQL 18 keeps for each NOT NULL."""
        return Snapshot.of(
            SchemaObject(one.kind, one.identity, without(one.facts, _left_out(one)))
            for one in self
            if one.kind not in (_NOT_NULL, "default privileges")
        )

    def get(self, kind: str, identity: str) -> SchemaObject | None:
        return self.objects.get((kind, identity))

    def belonging_to(self, identity: str) -> Iterator[SchemaObject]:
        """Columns, constraints, indexes … of a relation, or the constraints of a domain."""
        return iter(self._by_owner.get(identity, ()))

    @cached_property
    def relations(self) -> frozenset[str]:
        """The names of tables, views and materialized views."""
        return frozenset(one.identity for one in self if one.kind in _RELATIONS)

    @cached_property
    def _by_owner(self) -> Mapping[str, list[SchemaObject]]:
        found: dict[str, list[SchemaObject]] = {}
        for one in self:
            if one.of is not None:
                found.setdefault(one.of, []).append(one)
        return found

    def __iter__(self) -> Iterator[SchemaObject]:
        return iter(self.objects.values())

    def __len__(self) -> int:
        return len(self.objects)


EMPTY = Snapshot.of(())


def without(facts: Facts, left_out: Iterable[str]) -> dict[str, Fact]:
    names = frozenset(left_out)
    return {name: fact for name, fact in facts.items() if name not in names}


def _left_out(one: SchemaObject) -> frozenset[str]:
    return DIFFERENT_ELSEWHERE | {"version"} if one.kind == "collation" else DIFFERENT_ELSEWHERE


def _encoded(snapshot: Snapshot, facts_of: Callable[[SchemaObject], Facts]) -> str:
    """In one go: to encode each object by itself takes three times as long."""
    kinds: dict[str, dict[str, Facts]] = {}
    for one in snapshot:
        kinds.setdefault(one.kind, {})[one.identity] = facts_of(one)
    return _ENCODER.encode(kinds)


def _read_objects(kinds: Mapping[str, object]) -> Iterator[SchemaObject]:
    for kind, members in kinds.items():
        if not isinstance(members, dict):
            raise ValueError(f"the objects of kind {kind} are no JSON object")
        for identity, facts in members.items():
            if not isinstance(facts, dict):
                raise ValueError(f"the facts of {kind} {identity} are no JSON object")
            yield SchemaObject(kind, identity, facts)
