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
    """`table` as written, `name` without its quotes: an index of that name that was not there before."""

    table: str
    name: str
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
    """Doing it again does no harm; an attempt may leave invalid copies of the indexes of `rebuilds`, as written."""

    rebuilds: str | None = None


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
        return _rebuilt(words)
    return Repeatable() if verb in _REPEATABLE else None


def _index_built(words: "_Words") -> IndexBuilt | None:
    """None for an index without a name: after a crash it could not be told from others."""
    words.skip("CREATE", "UNIQUE", "INDEX", "CONCURRENTLY")
    if_not_exists = words.skip("IF", "NOT", "EXISTS")
    if words.next_is("ON"):
        return None
    name = words.name()
    words.skip("ON", "ONLY")
    table = words.name()
    if _is_escaped(name) or _is_escaped(table):
        return None
    return IndexBuilt(table, _unquoted(name), if_not_exists)


def _rebuilt(words: "_Words") -> Repeatable:
    words.skip("REINDEX")
    words.skip_parentheses()
    of_one = words.skip("TABLE") or words.skip("INDEX")
    words.skip("CONCURRENTLY")
    return Repeatable(words.name() if of_one else None)


def _is_escaped(name: str) -> bool:
    """U&"" may stand for any letters: the catalog's functions do not read it."""
    return name[:2].upper() == "U&"


def _partition_detached(words: "_Words") -> PartitionDetached:
    words.skip("ALTER", "TABLE", "IF", "EXISTS", "ONLY")
    table = words.name()
    words.skip("*", "DETACH", "PARTITION")
    return PartitionDetached(table, words.name())


def waits_quietly(statement: Statement) -> bool:
    """Whether nobody else queues behind it while it waits: only the forms that are made for that."""
    return statement.verb.endswith("CONCURRENTLY") and not statement.verb.startswith("ALTER")


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

    def skip_parentheses(self) -> None:
        if self.next_is("("):
            while self._at < len(self._tokens) and not self.next_is(")"):
                self._at += 1
            self._at += 1

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
