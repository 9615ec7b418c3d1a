"""Pending migrations that alter the same table without one depending on the other: nothing says which goes first."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from app.domain.lexer import lex
from app.domain.migration import Migration, SqlScript
from app.domain.statements import Statement, parse_script
from app.domain.tokens import COMMENTS, TokenKind

DEFAULT_SCHEMA = "public"
MOST_TEXT_CHARS = 200

_TABLES_AFTER = {
    "ALTER TABLE": ("TABLE",),
    "ALTER FOREIGN TABLE": ("FOREIGN", "TABLE"),
    "DROP TABLE": ("TABLE",),
    "DROP FOREIGN TABLE": ("FOREIGN", "TABLE"),
    "TRUNCATE": ("TRUNCATE",),
    "CREATE INDEX": ("ON",),
    "CREATE INDEX CONCURRENTLY": ("ON",),
}
_SEVERAL = frozenset({"DROP TABLE", "DROP FOREIGN TABLE", "TRUNCATE"})
_BEFORE_THE_NAME = frozenset({"TABLE", "IF", "EXISTS", "ONLY"})


@dataclass(frozen=True, slots=True)
class Touch:
    """One statement that alters `table`, at its line of the file (1-based)."""

    table: str
    verb: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """A table, and those pending migrations that touch it of which at least two are not ordered by dependencies."""

    table: str
    touches: tuple[tuple[Migration, Touch], ...]


def overlaps(pending: Sequence[Migration]) -> tuple[Overlap, ...]:
    """Per table, in the order of their names; `pending` is in the order it will run."""
    by_table: dict[str, dict[str, tuple[Migration, Touch]]] = defaultdict(dict)
    for migration in pending:
        for touch in _touches(migration):
            by_table[touch.table].setdefault(migration.name, (migration, touch))
    shared = {table: found for table, found in by_table.items() if len(found) > 1}
    needed = _all_needed(pending) if shared else {}
    return tuple(
        Overlap(table, tuple(found[name] for name in loose))
        for table, found in sorted(shared.items())
        if (loose := _loose(list(found), needed))
    )


@lru_cache(maxsize=16384)
def tables_touched(script: str) -> tuple[Touch, ...]:
    """What a script alters, drops, truncates or indexes, in its order; tables without a schema are in `public`.

    Kept for scripts that were read: a folder is looked at again with every request.
    """
    return tuple(touch for statement in parse_script(script).statements for touch in _of_statement(statement))


def _touches(migration: Migration) -> tuple[Touch, ...]:
    return tables_touched(migration.up.text) if isinstance(migration.up, SqlScript) else ()


def _of_statement(statement: Statement) -> Iterator[Touch]:
    if statement.verb not in _TABLES_AFTER:
        return
    for table in _names(statement):
        yield Touch(table, statement.verb, statement.line, statement.text[:MOST_TEXT_CHARS])


def _names(statement: Statement) -> Iterator[str]:
    tokens = [token for token in lex(statement.text).tokens if token[0] not in COMMENTS]
    words = [_word(statement.text, kind, start, end) for kind, start, end in tokens]
    at = _after(words, _TABLES_AFTER[statement.verb])
    if at is not None and words[at : at + 2] == ["ALL", "IN"]:
        # every table of a tablespace: only the server knows which
        return
    while at is not None and at < len(words):
        while at < len(words) and words[at] in _BEFORE_THE_NAME:
            at += 1
        parts, at = _qualified(statement.text, tokens, at)
        if parts:
            yield _normal(parts)
        if at < len(words) and words[at] == "*":
            at += 1
        if statement.verb not in _SEVERAL or at >= len(words) or words[at] != ",":
            return
        at += 1


def _word(text: str, kind: TokenKind, start: int, end: int) -> str:
    """Only what is not quoted can be a word of the grammar."""
    return text[start:end].upper() if kind is not TokenKind.QUOTED_NAME else ""


def _after(words: Sequence[str], phrase: tuple[str, ...]) -> int | None:
    for at in range(len(words) - len(phrase) + 1):
        if tuple(words[at : at + len(phrase)]) == phrase:
            return at + len(phrase)
    return None


def _qualified(text: str, tokens: Sequence[tuple[TokenKind, int, int]], at: int) -> tuple[list[str], int]:
    """The parts of the name that begins at `at`, and the place after it."""
    parts: list[str] = []
    while at < len(tokens) and tokens[at][0] in (TokenKind.WORD, TokenKind.QUOTED_NAME):
        kind, start, end = tokens[at]
        parts.append(_folded(kind, text[start:end]))
        at += 1
        if at >= len(tokens) or text[tokens[at][1] : tokens[at][2]] != ".":
            break
        at += 1
    return parts, at


def _folded(kind: TokenKind, name: str) -> str:
    """As PostgreSQL stores it: lower case unless quoted (letters beyond ASCII are left to the server)."""
    if kind is TokenKind.WORD:
        return "".join(char.lower() if char.isascii() else char for char in name)
    return name[name.index('"') + 1 : -1].replace('""', '"')


def _normal(parts: Sequence[str]) -> str:
    """`schema.table`; a database before them can only be the one it runs in."""
    schema, table = parts[-2:] if len(parts) > 1 else (DEFAULT_SCHEMA, parts[0])
    return f"{schema}.{table}"


def _all_needed(pending: Sequence[Migration]) -> Mapping[str, int]:
    """By name, the places of all that a migration depends on, also through others, as bits; they come before it."""
    place = {str(migration.name): at for at, migration in enumerate(pending)}
    needed: dict[str, int] = {}
    for migration in pending:
        bits = 1 << place[migration.name]
        for name in migration.dependencies:
            bits |= needed.get(name, 0)
        needed[migration.name] = bits
    return needed


def _loose(names: Sequence[str], needed: Mapping[str, int]) -> list[str]:
    """Those that have at least one other among `names` to which no dependency leads, in either direction."""
    if all(_leads(later, earlier, needed) for earlier, later in pairwise(names)):
        return []
    return [
        name for name in names if not all(_leads(name, other, needed) or _leads(other, name, needed) for other in names)
    ]


def _leads(later: str, earlier: str, needed: Mapping[str, int]) -> bool:
    """What `earlier` needs, itself among it, is needed by `later` too."""
    return needed[earlier] & ~needed[later] == 0
