"""How it is found out whether a statement that ran outside a transaction has happened.

Such a statement commits by itself, so after a crash nobody knows: the database is asked. What cannot be asked
for is never run again blindly.
"""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.lexer import lex
from app.domain.statements import Statement, StatementKind
from app.domain.tokens import COMMENTS, TokenKind


class Thing(StrEnum):
    """What stands in a catalog of the whole cluster or database, by its name."""

    DATABASE = "database"
    TABLESPACE = "tablespace"
    SUBSCRIPTION = "subscription"


@dataclass(frozen=True, slots=True)
class IndexBuilt:
    """A valid index more than before on `table`; an invalid one is the rest of an attempt. Names as written."""

    table: str
    name: str | None
    if_not_exists: bool


@dataclass(frozen=True, slots=True)
class IndexGone:
    name: str


@dataclass(frozen=True, slots=True)
class ThingIs:
    """`there`: whether the statement makes it or removes it. `name` without its quotes."""

    thing: Thing
    name: str
    there: bool


@dataclass(frozen=True, slots=True)
class PartitionDetached:
    table: str
    partition: str


@dataclass(frozen=True, slots=True)
class Repeatable:
    """Doing it again does no harm; `rebuilds_indexes`: an attempt may leave invalid copies behind."""

    rebuilds_indexes: bool = False


Probe = IndexBuilt | IndexGone | ThingIs | PartitionDetached | Repeatable

_REPEATABLE = ("VACUUM", "CLUSTER", "ALTER SYSTEM", "ALTER DATABASE")
_MAKES_AND_REMOVES = {
    f"{verb} {thing.name}": (thing, verb == "CREATE") for verb in ("CREATE", "DROP") for thing in Thing
}


def runs_alone(statement: Statement) -> bool:
    """Whether it must have no transaction around it, in a script that is declared to run without one.

    A procedure or a DO block may commit by itself there, which it may not inside ours.
    """
    return statement.kind is StatementKind.NON_TRANSACTIONAL or statement.verb in ("CALL", "DO")


def probe_of(statement: Statement) -> Probe | None:
    """None: there is no telling whether it has happened."""
    words = _Words(statement.text)
    verb = statement.verb
    if verb == "CREATE INDEX CONCURRENTLY":
        return _index_built(words)
    if verb == "DROP INDEX CONCURRENTLY":
        words.skip("DROP", "INDEX", "CONCURRENTLY", "IF", "EXISTS")
        return IndexGone(words.name())
    if verb in _MAKES_AND_REMOVES:
        thing, there = _MAKES_AND_REMOVES[verb]
        words.skip(*verb.split(), "IF", "EXISTS")
        return ThingIs(thing, _unquoted(words.name()), there)
    if verb == "ALTER TABLE CONCURRENTLY":
        return _partition_detached(words)
    if verb.startswith("REINDEX"):
        return Repeatable(rebuilds_indexes=True)
    return Repeatable() if verb in _REPEATABLE else None


def _index_built(words: "_Words") -> IndexBuilt:
    words.skip("CREATE", "UNIQUE", "INDEX", "CONCURRENTLY")
    if_not_exists = words.skip("IF", "NOT", "EXISTS")
    name = None if words.next_is("ON") else words.name()
    words.skip("ON", "ONLY")
    return IndexBuilt(words.name(), name, if_not_exists)


def _partition_detached(words: "_Words") -> PartitionDetached:
    words.skip("ALTER", "TABLE", "IF", "EXISTS", "ONLY")
    table = words.name()
    words.skip("*", "DETACH", "PARTITION")
    return PartitionDetached(table, words.name())


def _unquoted(name: str) -> str:
    """As the catalog has it; PostgreSQL folds what is not quoted (to lower case, in ASCII)."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


class _Words:
    """A statement's tokens, read from the front."""

    def __init__(self, text: str) -> None:
        self._tokens = [(kind, text[start:end]) for kind, start, end in lex(text).tokens if kind not in COMMENTS]
        self._at = 0

    def next_is(self, word: str) -> bool:
        if self._at >= len(self._tokens):
            return False
        kind, text = self._tokens[self._at]
        return kind is not TokenKind.QUOTED_NAME and text.upper() == word

    def skip(self, *words: str) -> bool:
        """Pass over those of `words` that come next, in this order; whether the last one did."""
        passed = False
        for word in words:
            passed = self.next_is(word)
            self._at += passed
        return passed

    def name(self) -> str:
        """A name with its schema, as it is written."""
        parts: list[str] = []
        while self._at < len(self._tokens):
            parts.append(self._tokens[self._at][1])
            self._at += 1
            if not self.next_is("."):
                break
            parts.append(".")
            self._at += 1
        return "".join(parts)
