"""Large data changes: one statement, sent once for each range of a key, each range a transaction of its own.

Declared by a comment right above the statement, which takes the two ends of the range as `$1` and `$2`:

    -- liftlock: batch table=orders key=id size=5000
    UPDATE orders SET status = 'new' WHERE status IS NULL AND id BETWEEN $1 AND $2;
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.lexer import lex
from app.domain.statements import Statement, comments, parse_script
from app.domain.tokens import TokenKind

SPELLING = "write -- liftlock: batch table=… key=… size=…"
DEFAULT_SIZE = 1_000
MOST_ROWS = 1_000_000
MOST_PAUSE_MS = 60_000

_DIRECTIVE = re.compile(r"^--\s*liftlock:\s*(?P<what>\w+)\s*(?P<options>.*?)\s*$")
_MISSPELT = re.compile(r"^--\s*liftlock\s*:?\s*batch\b", re.IGNORECASE)
_OPTION = re.compile(r"(\w+)=(\S+)")
_NAME = re.compile(r'(?:\w+|"(?:[^"]|"")+")(?:\.(?:\w+|"(?:[^"]|"")+"))?')
_VERBS = ("UPDATE", "DELETE", "INSERT", "MERGE", "WITH")


@dataclass(frozen=True, slots=True)
class Batch:
    """`size`: rows of `table` in a range, in the order of `key`; names as written. `pause_ms` between two ranges."""

    table: str
    key: str
    size: int = DEFAULT_SIZE
    pause_ms: int = 0


@dataclass(frozen=True, slots=True)
class Directive:
    """A batch and the offset of its statement, or what is wrong with it, at `line` and `column` of the script."""

    line: int
    column: int
    batch: Batch | None = None
    statement_offset: int | None = None
    problem: str | None = None


def has_batches(text: str) -> bool:
    return any(True for _ in directives(text))


def directives(text: str) -> Iterator[Directive]:
    """Every `-- liftlock:` line of a script, each with its statement."""
    if "liftlock" not in text.lower():
        return
    taken: set[int] = set()
    statements = parse_script(text).statements
    for comment in comments(text):
        found = _DIRECTIVE.match(comment.text)
        if found is None:
            if _MISSPELT.match(comment.text):
                yield Directive(comment.line, comment.column, problem=f"{SPELLING}, in this spelling")
            continue
        if found["what"] == "allow":
            # read by `allowances`
            continue
        statement = next((one for one in statements if one.offset > comment.offset), None)
        try:
            batch = _batch(found["what"], found["options"], statement)
        except ValueError as wrong:
            yield Directive(comment.line, comment.column, problem=str(wrong))
            continue
        assert statement is not None
        if statement.offset in taken:
            yield Directive(comment.line, comment.column, problem="two batches stand above one statement; keep one")
            continue
        taken.add(statement.offset)
        yield Directive(comment.line, comment.column, batch, statement.offset)


def _batch(what: str, options: str, statement: Statement | None) -> Batch:
    """Raises ValueError with what is wrong and what to write."""
    if what != "batch":
        raise ValueError(f"there is no `liftlock: {what}`; {SPELLING}, or -- liftlock: allow HAZARD reason")
    found = _OPTION.findall(options)
    given = dict(found)
    if len(given) < len(found):
        raise ValueError("an option is given twice; keep one")
    rest = _OPTION.sub("", options).strip()
    unknown = sorted(given.keys() - {"table", "key", "size", "pause"})
    if rest or unknown:
        raise ValueError(f"{(rest or unknown[0])!r} is not known here; batch takes table=, key=, size= and pause=")
    for needed in ("table", "key"):
        if not _NAME.fullmatch(given.get(needed, "")):
            raise ValueError(f"`{needed}=` is missing or no name; write -- liftlock: batch table=orders key=id")
    if statement is None or statement.verb not in _VERBS:
        raise ValueError("no UPDATE, DELETE, INSERT or MERGE follows; put it right above the statement it is for")
    if not _takes_both_ends(statement.text):
        raise ValueError(f"the statement must use the ends of its range, as in WHERE {given['key']} BETWEEN $1 AND $2")
    size = _number(given, "size", DEFAULT_SIZE, 1, MOST_ROWS)
    return Batch(given["table"], given["key"], size, _number(given, "pause", 0, 0, MOST_PAUSE_MS))


def _takes_both_ends(text: str) -> bool:
    used = {text[start:end] for kind, start, end in lex(text).tokens if kind is TokenKind.PARAMETER}
    return used == {"$1", "$2"}


def _number(given: dict[str, str], name: str, default: int, least: int, most: int) -> int:
    text = given.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ValueError(f"`{name}={text}`: takes a whole number from {least} to {most}")
    return int(text)
