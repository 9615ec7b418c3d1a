"""Which differences are said by another one: nobody wants to read the columns of a table that is gone."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.domain.schema import SOFT, Fact, Key, SchemaObject, Snapshot

_RELATIONS = ("table", "view", "materialized view", "foreign table")
_FROM_DEFINITION = frozenset({"type", "collation"})
_GIVEN_BY_PARENTS = frozenset({"column", "constraint", "not null constraint", "trigger"})


class How(StrEnum):
    MISSING = "missing"
    UNEXPECTED = "unexpected"
    CHANGED = "changed"


Pair = tuple[SchemaObject | None, SchemaObject | None]
"""Expected and found; never both None."""


@dataclass(frozen=True, slots=True)
class Differing:
    """Every object that differs, with both schemas around them."""

    pairs: Mapping[Key, Pair]
    expected: Snapshot
    found: Snapshot

    @classmethod
    def between(cls, expected: Snapshot, found: Snapshot) -> "Differing":
        keys = sorted(expected.objects.keys() | found.objects.keys())
        pairs = {key: (expected.get(*key), found.get(*key)) for key in keys}
        return cls({key: pair for key, pair in pairs.items() if _differ(*pair)}, expected, found)

    def how(self, key: Key) -> How | None:
        """None when it does not differ."""
        return how(self.pairs[key]) if key in self.pairs else None

    def facts(self, key: Key) -> frozenset[str]:
        """The names of its facts that differ, soft ones apart; all of them for one that is on one side only."""
        sides = [{} if one is None else one.facts for one in self.pairs.get(key, (None, None))]
        names = (sides[0].keys() | sides[1].keys()) - SOFT
        return frozenset(name for name in names if sides[0].get(name) != sides[1].get(name))

    def alike(self, key: Key, other: Key) -> bool:
        """Whether the same has become of both."""
        if self.how(key) is not How.CHANGED or self.how(other) is not How.CHANGED:
            return self.how(key) is self.how(other)
        return self._changes(key) == self._changes(other)

    def listed(self) -> dict[Key, Pair]:
        """Those that no other one says."""
        return {key: pair for key, pair in self.pairs.items() if not self._is_said_elsewhere(key)}

    def folded(self) -> Mapping[str, Mapping[str, int]]:
        """How many of each kind go unlisted, by the identity of what they belong to."""
        counts: dict[str, Counter[str]] = {}
        for key in self.pairs:
            one = member(self.pairs[key])
            if one.of is not None and _counts(one) and self._is_said_elsewhere(key):
                counts.setdefault(one.of, Counter())[one.kind] += 1
        return counts

    def _changes(self, key: Key) -> list[tuple[str, Fact | None, Fact | None]]:
        expected, found = self.pairs[key]
        assert expected is not None
        assert found is not None
        return [(name, expected.facts.get(name), found.facts.get(name)) for name in sorted(self.facts(key))]

    def _is_said_elsewhere(self, key: Key) -> bool:
        return any(rule(self, key, member(self.pairs[key])) for rule in _RULES)


def how(pair: Pair) -> How:
    expected, found = pair
    if found is None:
        return How.MISSING
    return How.UNEXPECTED if expected is None else How.CHANGED


def member(pair: Pair) -> SchemaObject:
    one = pair[1] or pair[0]
    assert one is not None
    return one


def _differ(expected: SchemaObject | None, found: SchemaObject | None) -> bool:
    return expected is None or found is None or expected.hard != found.hard


def _counts(one: SchemaObject) -> bool:
    return one.kind != "not null constraint" and "constraint" not in one.facts


def _comes_with_its_relation(differing: Differing, key: Key, one: SchemaObject) -> bool:
    hows = {differing.how((kind, one.of or "")) for kind in _RELATIONS} - {None, How.CHANGED}
    # a sequence can have been there before the table that owns it
    return differing.how(key) in hows or (bool(hows) and one.kind != "sequence")


def _comes_with_its_owner(differing: Differing, key: Key, one: SchemaObject) -> bool:
    return any(differing.how(owner) is differing.how(key) for owner in _owners(one))


def _owners(one: SchemaObject) -> Iterator[Key]:
    if owned_by := one.text("owned_by"):
        yield "column", owned_by
    if one.kind == "index" and (constraint := one.text("constraint")):
        yield "constraint", f"{one.of}.{constraint}"
    if one.kind == "domain constraint" and one.of:
        yield "domain", one.of
    if one.kind == "operator family":
        yield "operator class", one.identity


def _is_given_by_a_parent(differing: Differing, key: Key, one: SchemaObject) -> bool:
    """The same has become of the part of that name of an inherited or partitioned table."""
    if one.kind == "index":
        parent = ("index", one.text("partition_of") or "")
        return differing.how(key) is not How.CHANGED and differing.how(parent) is differing.how(key)
    if one.kind not in _GIVEN_BY_PARENTS or not (one.facts.get("inherited") or one.facts.get("also_inherited")):
        return False
    table = differing.found.get("table", one.of or "") or differing.expected.get("table", one.of or "")
    parents = table.texts("inherits") if table else ()
    return any(differing.alike(key, (one.kind, f"{parent}.{one.name}")) for parent in parents)


def _follows_from_its_view(differing: Differing, key: Key, one: SchemaObject) -> bool:
    views = (("view", one.of or ""), ("materialized view", one.of or ""))
    redefined = any("definition" in differing.facts(view) for view in views)
    return (
        one.kind == "column"
        and redefined
        and (differing.how(key) is not How.CHANGED or differing.facts(key) <= _FROM_DEFINITION)
    )


def _is_said_by_its_column(differing: Differing, key: Key, one: SchemaObject) -> bool:
    """The rows that PostgreSQL 18 keeps for NOT NULL, and the sequences behind identity columns."""
    if differing.how(key) is How.CHANGED:
        return False
    if one.kind == "not null constraint":
        name = (one.text("definition") or "").removeprefix("NOT NULL ").removesuffix(" NO INHERIT")
        return "not_null" in differing.facts(("column", f"{one.of}.{name}"))
    return one.facts.get("for_identity") is True and "identity" in differing.facts(
        ("column", one.text("owned_by") or "")
    )


def _is_said_by_its_constraint(differing: Differing, key: Key, one: SchemaObject) -> bool:
    constraint = ("constraint", f"{one.of}.{one.text('constraint')}")
    return one.kind == "index" and constraint in differing.pairs and differing.how(key) is not How.CHANGED


_RULES: tuple[Callable[[Differing, Key, SchemaObject], bool], ...] = (
    _comes_with_its_relation,
    _comes_with_its_owner,
    _is_given_by_a_parent,
    _follows_from_its_view,
    _is_said_by_its_column,
    _is_said_by_its_constraint,
)
