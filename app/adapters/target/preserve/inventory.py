"""What holds rows in a database, and how two looks at it differ: by OID and attribute number, never by name."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from app.domain.casts import Cast, cast_between, depends_on_zone, fails_or_keeps, type_of
from app.domain.preserved import PreservedKind as Kind


@dataclass(frozen=True, slots=True)
class Column:
    """`type_is`: OID and modifier, which another type of the same name does not have, nor a renamed one lose.

    `attributes`: of a composite type, or an array of one, by their numbers. `version`: another one when anything of
    the column was altered.
    """

    name: str
    type: str
    generated: bool
    type_is: tuple[int, int]
    version: int
    attributes: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Relation:
    """`owner`: of a sequence, the table whose column it belongs to. `shape`: its columns, as the server tells them."""

    oid: int
    schema: str
    name: str
    kind: str
    filenode: int
    parent: bool
    partition_of: int | None
    owner: int | None
    shape: str | None

    @cached_property
    def columns(self) -> Mapping[int, Column]:
        """By attribute number. Few are ever asked for theirs, where there are many."""
        return {
            number: Column(name, said, bool(generated.strip()), (type_id, modifier), version, frozenset(within or ()))
            for number, name, said, generated, type_id, modifier, version, within in json.loads(self.shape or "[]")
        }

    @property
    def said(self) -> str:
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Loss:
    """`numbers`: the attributes that are lost, or whose type is another one; all of them when empty.

    `within`: a part of each value goes, which is an attribute of its type. `perhaps`: only the values show whether any
    is lost. `still`: partitions of a partitioned table that goes, which stay for themselves.
    """

    kind: Kind
    relation: int
    numbers: frozenset[int] = frozenset()
    within: bool = False
    perhaps: bool = False
    still: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Inventory:
    """`written`: by OID, how many rows this transaction has updated and deleted so far; and `inserted`.

    `horizon`: the oldest transaction at work when it was taken, this one among them; it tells when it was looked, and
    nothing of what was found.
    """

    relations: Mapping[int, Relation]
    written: Mapping[int, tuple[int, int]]
    inserted: Mapping[int, int]
    horizon: str = field(compare=False)

    def named(self, name: str) -> Relation | None:
        """`name` with its schema."""
        return next((one for one in self.relations.values() if f"{one.schema}.{one.name}" == name), None)

    def root_of(self, oid: int) -> int:
        """The partitioned table that a partition belongs to in the end; of any other table itself."""
        parent = self.relations[oid].partition_of
        return oid if parent is None else self.root_of(parent)

    def is_within(self, oid: int, root: int) -> bool:
        """Whether it is a partition of `root`, or of a partition of it."""
        parent = self.relations[oid].partition_of
        return parent is not None and (parent == root or self.is_within(parent, root))


def written_since(start: Inventory, now: Inventory) -> Mapping[int, int]:
    """By OID, how many rows were updated and deleted between the two, as far as the table still stands."""
    return {
        oid: sum(now.written.get(oid, (0, 0))) - sum(start.written.get(oid, (0, 0)))
        for oid in start.relations.keys() & now.relations.keys()
    }


def losses(before: Inventory, after: Inventory) -> frozenset[Loss]:
    """What stood before and does not stand after; of partitions nothing that their root says for them."""
    return frozenset((*_gone(before, after), *_altered(before, after), *_rewritten(before, after)))


def without_plain_casts(lost: frozenset[Loss], before: Inventory, after: Inventory) -> frozenset[Loss]:
    """`lost` by a script that gives columns other types by nothing but a cast: one that refuses what it cannot keep
    loses nothing."""
    found = set[Loss]()
    for loss in lost:
        if loss.kind is not Kind.TYPES or loss.within:
            found.add(loss)
            continue
        then, now = before.relations[loss.relation].columns, after.relations[loss.relation].columns
        numbers = frozenset(
            at for at in loss.numbers if not fails_or_keeps(type_of(then[at].type), type_of(now[at].type))
        )
        if numbers:
            found.add(replace(loss, numbers=numbers))
    return frozenset(found)


def made_anew(before: Inventory, after: Inventory, lost: frozenset[Loss]) -> frozenset[Loss]:
    """`lost`, and the values that a script may have made anew with USING where the new type holds every old one."""
    sure = {(one.relation, at) for one in lost if one.kind is Kind.TYPES for at in one.numbers}
    altered = {oid: _altered_anew(before, after, oid) for oid in before.relations.keys() & after.relations.keys()}
    found = set(lost)
    for oid, numbers in altered.items():
        relation, root = before.relations[oid], before.root_of(oid)
        said = {before.relations[root].columns[at].name for at in altered.get(root, ()) if root != oid}
        perhaps = frozenset(at for at in numbers if (oid, at) not in sure and relation.columns[at].name not in said)
        if perhaps:
            found.add(Loss(Kind.TYPES, oid, perhaps, perhaps=True))
    return frozenset(found)


def _altered_anew(before: Inventory, after: Inventory, oid: int) -> frozenset[int]:
    relation, now = before.relations[oid], after.relations[oid]
    parts = (one for one in before.relations.keys() & after.relations.keys() if before.is_within(one, oid))
    if not any(before.relations[one].filenode != after.relations[one].filenode for one in (oid, *parts)):
        return frozenset()
    return frozenset(
        at
        for at, one in relation.columns.items()
        if at in now.columns and not one.generated and one.version != now.columns[at].version
    )


def _gone(before: Inventory, after: Inventory) -> Iterator[Loss]:
    for oid, relation in before.relations.items():
        if oid in after.relations:
            continue
        if relation.kind == "S":
            if relation.owner not in before.relations or relation.owner in after.relations:
                yield Loss(Kind.SEQUENCE, oid)
        elif relation.partition_of is None or relation.partition_of in after.relations:
            standing = after.relations.keys() if relation.kind == "p" else ()
            still = frozenset(at for at in standing if at in before.relations and before.is_within(at, oid))
            yield Loss(Kind.TABLE, oid, still=still)


def _altered(before: Inventory, after: Inventory) -> Iterator[Loss]:
    for oid, relation in before.relations.items():
        now = after.relations.get(oid)
        if now is None or relation.shape == now.shape:
            continue
        said = _said_of_parts(before, after, relation)
        kept = {at: one for at, one in relation.columns.items() if not one.generated and one.name not in said}
        dropped = frozenset(kept.keys() - now.columns.keys())
        standing = kept.keys() & now.columns.keys()
        narrows = _narrows_anew if relation.kind == "p" or relation.filenode != now.filenode else _narrows
        retyped = frozenset(at for at in standing if narrows(kept[at], now.columns[at]))
        cut = frozenset(at for at in standing - retyped if kept[at].attributes - now.columns[at].attributes)
        if dropped:
            yield Loss(Kind.COLUMNS, oid, dropped)
        if cut:
            yield Loss(Kind.TYPES, oid, cut, within=True)
        if retyped:
            yield Loss(Kind.TYPES, oid, retyped)


def _said_of_parts(before: Inventory, after: Inventory, relation: Relation) -> frozenset[str]:
    """The columns of a partition that its root loses too, which says it for all of them; nothing where it goes."""
    root = before.relations[before.root_of(relation.oid)]
    if root.oid == relation.oid or root.oid not in after.relations:
        return frozenset()
    now = after.relations[root.oid].columns
    return frozenset(
        one.name
        for at, one in root.columns.items()
        if at not in now or _narrows_anew(one, now[at]) or one.attributes - now[at].attributes
    )


def _rewritten(before: Inventory, after: Inventory) -> Iterator[Loss]:
    for oid, relation in before.relations.items():
        now = after.relations.get(oid)
        if now is None or relation.kind == "S":
            continue
        updated, deleted = (
            new - old for new, old in zip(after.written.get(oid, (0, 0)), before.written.get(oid, (0, 0)), strict=True)
        )
        if updated:
            yield Loss(Kind.UPDATED, oid)
        if deleted or now.filenode != relation.filenode:
            # a table that is rewritten for another reason has nothing that its truncation would be told of
            yield Loss(Kind.DELETED, oid)


def _narrows_anew(old: Column, new: Column) -> bool:
    """In a table that has been written anew, or whose partitions may have been."""
    return _narrows(old, new) or depends_on_zone(type_of(old.type), type_of(new.type))


def _narrows(old: Column, new: Column) -> bool:
    if old.type_is == new.type_is:
        return False
    if old.type == new.type:
        return True
    cast = cast_between(type_of(old.type), type_of(new.type))
    return cast in (Cast.NARROWED, Cast.UNKNOWN)
