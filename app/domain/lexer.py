r"""A PostgreSQL script as tokens with their places, and where its statements end.

Follows psql's `psqlscan.l` and the server's `scan.l` (PostgreSQL 15, standard_conforming_strings on).
Every step takes text from the front and never looks at it again, so the work is linear on any input;
nesting is counted, never recursed into. The gaps between tokens hold white space and nothing else
(and a byte order mark at the very beginning).
"""

import re
from functools import lru_cache
from typing import NamedTuple

from app.domain.tokens import COMMENTS, KINDS, MASTER, PLAIN_KINDS, FaultKind, Token, TokenKind

BYTE_ORDER_MARK = "\ufeff"

_COMMENT_EDGE = re.compile(r"/\*|\*/")
_COPY_END = re.compile(r"\n\\\.\r?(?=\n|\Z)")


class Fault(NamedTuple):
    kind: FaultKind
    offset: int


class Span(NamedTuple):
    """One statement: tokens[first:last], its terminator left out; `copy_data` is its inline data, if any."""

    first: int
    last: int
    copy_data: Token | None = None


class Lexed(NamedTuple):
    tokens: list[Token]
    spans: list[Span]
    faults: list[Fault]


@lru_cache(maxsize=4)
def lex(text: str) -> Lexed:
    """Read the whole script. Never raises: what cannot be read is a fault with its offset.

    The last few are kept, since a file is asked several questions in a row; nobody changes what is given here.
    """
    lexer = _Lexer(text)
    position = 1 if text.startswith(BYTE_ORDER_MARK) else 0
    while position < len(text):
        position = lexer.read_from(position)
    return lexer.finished()


class _Lexer:
    """The tokens so far, and what is open: parentheses, a routine body, the current statement."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = []
        self.spans: list[Span] = []
        self.faults: list[Fault] = []
        self.first = 0
        self.depth = 0
        self.opened_at = 0
        self.counted = 0
        self.body: _RoutineBody | None = None

    def read_from(self, position: int) -> int:
        """Take tokens up to one that the master expression alone cannot read; where to go on."""
        append, plain_kinds = self.tokens.append, PLAIN_KINDS
        for match in MASTER.finditer(self.text, position):
            rule = match.lastindex or 0
            kind = plain_kinds[rule]
            if kind is not None:
                append((kind, match.start(rule), match.end()))
            elif (after := self.take(KINDS[rule], match.start(rule), match.end())) != match.end():
                return after
        return len(self.text)

    def take(self, kind: TokenKind | FaultKind, start: int, end: int) -> int:
        """Take one token that means more than itself; where the text after it begins."""
        if isinstance(kind, FaultKind):
            return self.unterminated(kind, start)
        if kind is TokenKind.SEMICOLON:
            return self.semicolon(start, end)
        if kind is TokenKind.META_COMMAND:
            return self.meta_command(start, end)
        if kind is TokenKind.UNREAD:
            return end
        end = (
            self.end_of_dollar_string(start, end)
            if kind is TokenKind.DOLLAR_STRING
            else self.end_of_comment(start, end)
        )
        self.tokens.append((kind, start, end))
        return end

    def semicolon(self, start: int, end: int) -> int:
        if self.inside_parentheses() or self.inside_routine_body():
            self.tokens.append((TokenKind.SEMICOLON, start, end))
            return end
        last = len(self.tokens)
        self.tokens.append((TokenKind.TERMINATOR, start, end))
        if self.takes_copy_data(last):
            return self.copy_data(last, end)
        self.end_statement(last)
        return end

    def meta_command(self, start: int, end: int) -> int:
        """A meta-command is a statement of its own and ends the one before it, as psql's `\\g` does."""
        self.end_statement(len(self.tokens))
        self.tokens.append((TokenKind.META_COMMAND, start, end))
        self.end_statement(len(self.tokens))
        return end

    def end_statement(self, last: int, copy_data: Token | None = None) -> None:
        if last > self.first:
            self.spans.append(Span(self.first, last, copy_data))
        self.first = self.counted = len(self.tokens)
        self.depth = 0
        self.body = None

    def end_of_comment(self, start: int, end: int) -> int:
        depth = 1
        for edge in _COMMENT_EDGE.finditer(self.text, end):
            depth += 1 if edge.group() == "/*" else -1
            if depth == 0:
                return edge.end()
        self.faults.append(Fault(FaultKind.COMMENT, start))
        return len(self.text)

    def end_of_dollar_string(self, start: int, end: int) -> int:
        delimiter = self.text[start:end]
        closing = self.text.find(delimiter, end)
        if closing >= 0:
            return closing + len(delimiter)
        self.faults.append(Fault(FaultKind.DOLLAR_STRING, start))
        return len(self.text)

    def unterminated(self, fault: FaultKind, start: int) -> int:
        self.faults.append(Fault(fault, start))
        kind = TokenKind.STRING if fault is FaultKind.STRING else TokenKind.QUOTED_NAME
        self.tokens.append((kind, start, len(self.text)))
        return len(self.text)

    def inside_parentheses(self) -> bool:
        """Counts what came since it was last asked; a closing one too many is left to the server."""
        tokens = self.tokens
        for index in range(self.counted, len(tokens)):
            kind = tokens[index][0]
            if kind is TokenKind.OPEN:
                self.opened_at = self.opened_at if self.depth else tokens[index][1]
                self.depth += 1
            elif kind is TokenKind.CLOSE and self.depth:
                self.depth -= 1
        self.counted = len(tokens)
        return self.depth > 0

    def inside_routine_body(self) -> bool:
        if self.body is None:
            self.body = _RoutineBody(self.text, self.first, self.head())
        return self.body.is_open(self.tokens)

    def head(self) -> list[str]:
        """The first four tokens of the current statement, comments left out, in upper case."""
        words: list[str] = []
        for index in range(self.first, len(self.tokens)):
            kind, start, end = self.tokens[index]
            if kind not in COMMENTS:
                words.append(self.text[start : min(end, start + 20)].upper())
                if len(words) == 4:
                    break
        return words

    def takes_copy_data(self, last: int) -> bool:
        """COPY … FROM STDIN; the grammar takes STDOUT for the same word (gram.y `copy_file_name`)."""
        if self.body is None or self.body.head[:1] != ["COPY"]:
            return False
        depth, previous = 0, ""
        for kind, start, end in self.tokens[self.first : last]:
            if kind in COMMENTS:
                continue
            depth += (kind is TokenKind.OPEN) - (kind is TokenKind.CLOSE)
            word = self.text[start:end].upper() if kind is TokenKind.WORD and depth == 0 else ""
            if previous == "FROM" and word in ("STDIN", "STDOUT"):
                return True
            previous = word
        return False

    def copy_data(self, last: int, position: int) -> int:
        """Take the rest of the COPY line, then the data up to the line that is only a backslash and a dot."""
        newline = self.text.find("\n", position)
        self.rest_of_copy_line(position, len(self.text) if newline < 0 else newline)
        found = _COPY_END.search(self.text, newline) if newline >= 0 else None
        if found is None:
            self.faults.append(Fault(FaultKind.COPY_DATA, self.start_of_statement()))
        begin = newline + 1 if newline >= 0 else len(self.text)
        end = found.start() + 1 if found else len(self.text)
        data = (TokenKind.COPY_DATA, begin, end)
        self.tokens.append(data)
        if found:
            self.tokens.append((TokenKind.COPY_END, end, end + 2))
        self.end_statement(last, data)
        return end + 2 if found else end

    def start_of_statement(self) -> int:
        starts = (start for kind, start, _ in self.tokens[self.first :] if kind not in COMMENTS)
        return next(starts)

    def rest_of_copy_line(self, start: int, end: int) -> None:
        rest = self.text[start:end].rstrip(" \t\r\f\v")
        offset = start + len(rest) - len(rest.lstrip(" \t\r\f\v"))
        if offset == start + len(rest):
            return
        is_comment = self.text.startswith("--", offset)
        self.tokens.append((TokenKind.LINE_COMMENT if is_comment else TokenKind.UNREAD, offset, start + len(rest)))
        if not is_comment:
            self.faults.append(Fault(FaultKind.COPY_LINE, offset))

    def finished(self) -> Lexed:
        if not self.faults and self.inside_parentheses():
            self.faults.append(Fault(FaultKind.PARENTHESIS, self.opened_at))
        elif not self.faults and self.inside_routine_body() and self.body is not None:
            self.faults.append(Fault(FaultKind.ROUTINE_BODY, self.body.opened_at))
        self.end_statement(len(self.tokens))
        return Lexed(self.tokens, self.spans, self.faults)


class _RoutineBody:
    """Counts BEGIN ATOMIC … CASE … END in a CREATE FUNCTION or PROCEDURE; each token is seen once."""

    def __init__(self, text: str, first: int, head: list[str]) -> None:
        self.text = text
        self.next = first
        self.depth = 0
        self.parentheses = 0
        self.previous = ""
        self.opened_at = 0
        self.head = head
        words = [word for word in head if word not in ("OR", "REPLACE")]
        self.possible = words[:2] in (["CREATE", "FUNCTION"], ["CREATE", "PROCEDURE"])

    def is_open(self, tokens: list[Token]) -> bool:
        if self.possible:
            for index in range(self.next, len(tokens)):
                self.see(tokens[index])
            self.next = len(tokens)
        return self.depth > 0

    def see(self, token: Token) -> None:
        kind, start, end = token
        if kind in COMMENTS:
            return
        self.parentheses += (kind is TokenKind.OPEN) - (kind is TokenKind.CLOSE)
        word = self.text[start:end].upper() if end - start <= 6 else ""
        if self.depth == 0:
            self.see_outside(word, start)
        elif self.previous not in ("AS", "."):  # there it is a label or a column, not the keyword
            self.depth += (word == "CASE") - (word == "END")
        self.previous = word

    def see_outside(self, word: str, start: int) -> None:
        if word == "ATOMIC" and self.previous == "BEGIN" and self.parentheses == 0:
            self.depth = 1
            self.opened_at = start
