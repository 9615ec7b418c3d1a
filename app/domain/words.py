"""A statement's tokens as words, and the names that stand among them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

from app.domain.lexer import lex
from app.domain.migration import SqlScript
from app.domain.statements import Statement
from app.domain.tokens import COMMENTS, TokenKind

DEFAULT_SCHEMA = "public"

# Of these the first words name the table, and the rest can be megabytes of rows.
_HEAD_IS_ENOUGH = frozenset({"INSERT", "VALUES"})
_HEAD_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Words:
    """`raw`: the tokens as written, comments left out; `upper`: the same with unquoted words in upper case.

    What is quoted keeps its quotes in both, so that it is never taken for a word of the grammar.
    """

    raw: tuple[str, ...]
    upper: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.raw)

    def word(self, at: int) -> str:
        """'' before the first and after the last one."""
        return self.upper[at] if 0 <= at < len(self.upper) else ""

    def begins(self, *phrase: str, at: int = 0) -> bool:
        return self.upper[at : at + len(phrase)] == phrase

    def has(self, *phrase: str) -> bool:
        return self.find(*phrase) >= 0

    def find(self, *phrase: str, start: int = 0) -> int:
        """Where `phrase` begins, at any depth of parentheses; -1 when it does not stand there."""
        first, upper = phrase[0], self.upper
        for at in range(start, len(upper) - len(phrase) + 1):
            if upper[at] == first and upper[at : at + len(phrase)] == phrase:
                return at
        return -1

    def has_at_top(self, *words: str) -> bool:
        """Whether one of `words` stands outside all parentheses."""
        return any(self.upper[at] in words for at in self._top())

    def between(self, start: int, end: int | None = None) -> "Words":
        return Words(self.raw[start:end], self.upper[start:end])

    def skipping(self, at: int, *words: str) -> int:
        """The place after those of `words` that come next, in this order."""
        for word in words:
            at += self.word(at) == word
        return at

    def parts(self) -> tuple["Words", ...]:
        """What stands between commas outside all parentheses."""
        commas = [-1, *(at for at in self._top() if self.upper[at] == ","), len(self)]
        return tuple(self.between(one + 1, other) for one, other in pairwise(commas))

    def end_of_parentheses(self, at: int) -> int:
        """The place after the `)` that closes the `(` at `at`; the end when it never closes."""
        depth = 0
        for place in range(at, len(self)):
            depth += (self.upper[place] == "(") - (self.upper[place] == ")")
            if depth == 0:
                return place + 1
        return len(self)

    def name(self, at: int) -> tuple[str, int]:
        """The name that begins at `at` as the server stores it, with its schema, and the place after it.

        '' when there is none. A database before the schema can only be the one it runs in.
        """
        parts: list[str] = []
        while at < len(self) and _is_name(self.raw[at]):
            parts.append(folded(self.raw[at]))
            at += 1
            if self.word(at) != ".":
                break
            at += 1
        if not parts:
            return "", at
        return (f"{parts[-2]}.{parts[-1]}" if len(parts) > 1 else f"{DEFAULT_SCHEMA}.{parts[0]}"), at

    def names(self, at: int) -> tuple[str, ...]:
        """A list of names from `at` on, as in DROP TABLE and TRUNCATE."""
        found: list[str] = []
        while True:
            at = self.skipping(at, "ONLY")
            name, at = self.name(at)
            if name:
                found.append(name)
            at = self.skipping(at, "*")
            if not name or self.word(at) != ",":
                return tuple(found)
            at += 1

    def column(self, at: int) -> str:
        """One plain name, without a schema."""
        return folded(self.raw[at]) if at < len(self) and _is_name(self.raw[at]) else ""

    def _top(self) -> Iterator[int]:
        depth = 0
        for at, word in enumerate(self.upper):
            depth += (word in "([") - (word in ")]")
            if depth == 0:
                yield at


@dataclass(frozen=True)
class Stated:
    """One statement of a script with its words; `index` counts the script's statements from 0."""

    statement: Statement
    index: int

    @property
    def verb(self) -> str:
        return self.statement.verb

    @cached_property
    def words(self) -> Words:
        return words_of(self.statement.text, self.verb)

    @cached_property
    def altered(self) -> "Altered":
        return altered_table(self.words)


@dataclass(frozen=True, slots=True)
class Altered:
    """ALTER TABLE: the table and each of its actions. Table '' is ALL IN TABLESPACE: only the server knows which."""

    table: str
    actions: tuple[Words, ...]


@lru_cache(maxsize=2048)
def stated_in(script: SqlScript) -> tuple[Stated, ...]:
    """Kept with the words that were read: the same files are planned again with every request."""
    return tuple(Stated(one, index) for index, one in enumerate(script.parsed.statements))


def words_of(text: str, verb: str = "") -> Words:
    if verb in _HEAD_IS_ENOUGH:
        text = text[:_HEAD_CHARS]
    raw: list[str] = []
    upper: list[str] = []
    for kind, start, end in lex(text).tokens:
        if kind not in COMMENTS:
            word = text[start:end]
            raw.append(word)
            upper.append(word.upper() if kind is TokenKind.WORD else word)
    return Words(tuple(raw), tuple(upper))


def altered_table(words: Words) -> Altered:
    at = words.skipping(0, "ALTER", "FOREIGN", "TABLE")
    if words.begins("ALL", "IN", at=at):
        return Altered("", (words.between(at),))
    at = words.skipping(at, "IF", "EXISTS", "ONLY")
    table, at = words.name(at)
    at = words.skipping(at, "*")
    return Altered(table, words.between(at).parts())


def folded(name: str) -> str:
    """As PostgreSQL stores it: lower case unless quoted (letters beyond ASCII are left to the server)."""
    if '"' in name:
        return name[name.index('"') + 1 : -1].replace('""', '"')
    if name.isascii():
        return name.lower()
    return "".join(char.lower() if char.isascii() else char for char in name)


def shown(name: str) -> str:
    """A name as people say it: the schema that everybody is in is left out."""
    return name.removeprefix(f"{DEFAULT_SCHEMA}.")


def schema_of(name: str) -> str:
    return name.partition(".")[0]


def _is_name(word: str) -> bool:
    return word[0] not in "'$0123456789([{)]},.;:*=<>+-/|&!~?%^#@`" and "'" not in word[:3]
