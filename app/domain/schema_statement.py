"""One statement of a script that leads from one schema to another, and when in it it may run."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from app.domain.schema import SchemaObject, Snapshot


class Phase(IntEnum):
    """What depends on others is dropped first and created last. Readers: functions whose head names a table."""

    DROP_GUARDS = 1
    DROP_VIEWS = 2
    DROP_READERS = 3
    DROP_FOREIGN_KEYS = 4
    DROP_CONSTRAINTS = 5
    DROP_TABLES = 6
    DROP_FUNCTIONS = 7
    DROP_TYPES = 8
    DROP_SCHEMAS = 9
    CREATE_SCHEMAS = 10
    CREATE_TYPES = 11
    CREATE_SEQUENCES = 12
    CREATE_FUNCTIONS = 13
    CREATE_TABLES = 14
    ALTER_TABLES = 15
    CREATE_CONSTRAINTS = 16
    CREATE_FOREIGN_KEYS = 17
    CREATE_READERS = 18
    CREATE_VIEWS = 19
    CREATE_GUARDS = 20
    ATTACH = 21
    RIGHTS = 22
    COMMENTS = 23


_TYPES = ("enum", "domain", "composite type", "range")
_VIEWS = ("view", "materialized view")
_KIN = {"table": ("table",)} | dict.fromkeys(_VIEWS, _VIEWS) | dict.fromkeys(_TYPES, _TYPES)


@dataclass(frozen=True, slots=True)
class Statement:
    phase: Phase
    sql: str
    rank: int = 0
    """Among those of a phase: parents before children, a view before those that read it; the other way to drop."""


Statements = tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """One object on the way from one schema to another: gone, new or changed."""

    before: SchemaObject | None
    after: SchemaObject | None
    source: Snapshot
    goal: Snapshot

    @property
    def one(self) -> SchemaObject:
        one = self.after or self.before
        assert one is not None
        return one

    def differ(self, *facts: str) -> bool:
        """Whether one of the facts differs; an object that is not there has none."""
        before = self.before.facts if self.before else {}
        after = self.after.facts if self.after else {}
        return any(before.get(fact) != after.get(fact) for fact in facts)


def step(phase: Phase, sql: str, rank: int = 0) -> Statements:
    return (Statement(phase, sql.rstrip(";"), rank),)


def depth(one: SchemaObject, snapshot: Snapshot) -> int:
    """How many others of its kin it stands on, one upon the other; 0 on none."""
    kin = _kin_of(snapshot, _KIN.get(one.kind, ())).copy()
    level, standing_on = 0, {one.identity}
    while standing_on and level <= len(kin):
        text = " ".join(kin.pop(identity, "") for identity in standing_on)
        standing_on = {identity for identity in kin if identity in text}
        level += bool(standing_on)
    return level


def _kin_of(snapshot: Snapshot, kinds: tuple[str, ...]) -> dict[str, str]:
    """Only those that may stand on one another, or be stood on; made once for all objects of a snapshot."""
    if kinds not in snapshot.texts_of_kin:
        texts = {other.identity: _text_of(other) for other in snapshot if other.kind in kinds}
        if kinds == ("table",):
            parents = " ".join(texts.values())
            texts = {name: text for name, text in texts.items() if text or name in parents}
        snapshot.texts_of_kin[kinds] = texts
    return snapshot.texts_of_kin[kinds]


def _text_of(one: SchemaObject) -> str:
    """Where others of its kin are mentioned."""
    if one.kind == "table":
        return " ".join(one.texts("inherits"))
    return " ".join(str(fact) for name, fact in one.facts.items() if name != "comment")


def joined(ways: Iterable[Statements | None]) -> Statements | None:
    """All of them, or None when one of them is not to be had."""
    found: Statements = ()
    for way in ways:
        if way is None:
            return None
        found += way
    return found


def literal(text: str) -> str:
    """A string constant that reads the same whatever standard_conforming_strings is."""
    quoted = text.replace("'", "''")
    return f"E'{quoted.replace(chr(92), chr(92) * 2)}'" if chr(92) in text else f"'{quoted}'"
