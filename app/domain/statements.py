"""A script as statements with their places and kinds, and what is wrong with it before a server sees it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.classify import HEAD_TELLS_ALL, StatementKind, classify
from app.domain.lexer import Lexed, Span, lex
from app.domain.place import Lines, Place, caret, place_of
from app.domain.script_problem import (
    COPY_OUT_MESSAGE,
    ENCODING_MESSAGE,
    NUL_MESSAGE,
    OPTIONS_MESSAGE,
    ScriptProblem,
    ScriptProblemCode,
    control_message,
    fault_message,
    meta_command_message,
    mixed_message,
    wrapped_message,
)
from app.domain.tokens import COMMENTS, ESCAPE_BODY, PLAIN_BODY, STRING_CONTINUATION, Token, TokenKind

__all__ = [
    "Comment",
    "ParsedScript",
    "Place",
    "ScriptProblem",
    "ScriptProblemCode",
    "Statement",
    "StatementKind",
    "caret",
    "comments",
    "parse_script",
    "place_of",
    "token_text",
]

_HEAD = 12
_PART_OF_STRING = re.compile(rf"('{PLAIN_BODY})({STRING_CONTINUATION}(?='))?")
_PART_OF_ESCAPE_STRING = re.compile(rf"('{ESCAPE_BODY})({STRING_CONTINUATION}(?='))?", re.DOTALL)
_CONTROL = StatementKind.TRANSACTION_CONTROL
_ALONE = StatementKind.NON_TRANSACTIONAL
_PLAIN_BEGIN = frozenset({"BEGIN", "BEGIN WORK", "BEGIN TRANSACTION", "START TRANSACTION"})
_PLAIN_END = frozenset(
    f"{verb}{noun}{chain}"
    for verb in ("COMMIT", "END")
    for noun in ("", " WORK", " TRANSACTION")
    for chain in ("", " AND NO CHAIN")
)
_ENCODING = re.compile(
    r"SET\s+(?:(?:SESSION|LOCAL)\s+)?(?:CLIENT_ENCODING\s*(?:=|TO\s)|NAMES\s)\s*(\S+)$", re.IGNORECASE
)
_UTF_8 = frozenset({"utf8", "unicode", "default"})
_ENDS = frozenset({TokenKind.TERMINATOR, TokenKind.COPY_END, TokenKind.COPY_DATA})


@dataclass(frozen=True, slots=True)
class Statement:
    """`text`: a slice of the script from `offset`, without outer comments and without its semicolon.

    `copy_data`: the raw lines below COPY … FROM STDIN, without the line that ends them.
    `is_definition`: DDL, as against statements that read or write rows or settings.
    `leaves_session_state`: False only where nothing can outlive the statement in its session.
    """

    text: str
    offset: int
    line: int
    column: int
    verb: str
    kind: StatementKind
    is_definition: bool = False
    leaves_session_state: bool = True
    copy_data: str | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """A line comment from its dashes to the end of its line; `line` and `column` are 1-based."""

    text: str
    offset: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class ParsedScript:
    """`wrapped`: the script's own BEGIN and COMMIT stood around it and are not among `statements`."""

    statements: tuple[Statement, ...]
    problems: tuple[ScriptProblem, ...]
    wrapped: bool

    @property
    def non_transactional(self) -> tuple[Statement, ...]:
        return tuple(statement for statement in self.statements if statement.kind is _ALONE)


def parse_script(text: str, first_line: int = 1) -> ParsedScript:
    """Split and judge a script; never raises. Problems come in the order of their places.

    `first_line`: that of the text in its file, as messages name their lines.
    """
    lexed, lines = lex(text), Lines(text)
    statements = tuple(_statements(text, lexed, lines))
    wrapped = _is_wrapped(statements)
    inner = statements[1:-1] if wrapped else statements
    problems = [
        *_faults(text, lexed, lines),
        *(problem for statement in inner if (problem := _refusal(statement))),
        *_wrapping(statements, wrapped),
        *_mixing(statements, wrapped, first_line),
    ]
    return ParsedScript(inner, tuple(sorted(problems, key=lambda problem: problem.offset)), wrapped)


def token_text(text: str) -> str:
    """The script without comments and white space: equal for two scripts that differ only in those.

    Strings and COPY data stay as written but for their line ends. Case is not folded: how the server
    folds letters beyond ASCII depends on its encoding and locale, and a change of case is an edit.
    """
    tokens = (token for token in lex(text).tokens if token[0] not in COMMENTS)
    return " ".join(_canonical(text, token) for token in tokens)


def ends_open(text: str) -> bool:
    """Whether its last statement lacks the semicolon that would keep what follows out of it."""
    kinds = [kind for kind, _, _ in lex(text).tokens if kind not in COMMENTS]
    return bool(kinds) and kinds[-1] not in _ENDS


def comments(text: str) -> Iterator[Comment]:
    """The line comments of a script, those that PostgreSQL would take for comments and no others."""
    lines = Lines(text)
    for kind, start, end in lex(text).tokens:
        if kind is TokenKind.LINE_COMMENT:
            yield Comment(text[start:end], start, *lines.at(start))


def _canonical(text: str, token: Token) -> str:
    kind, start, end = token
    value = text[start:end].replace("\r\n", "\n")
    return _with_plain_joints(value) if kind is TokenKind.STRING and "\n" in value else value


def _with_plain_joints(string: str) -> str:
    """A constant in several parts with one line end between each two, whatever stood there."""
    pattern = _PART_OF_ESCAPE_STRING if string[0] in "eE" else _PART_OF_STRING
    position = string.index("'")
    pieces = [string[:position]]
    while position < len(string) and (part := pattern.match(string, position)):
        pieces += [part[1], "\n" if part[2] else ""]
        position = part.end()
    return "".join(pieces) + string[position:]


def _statements(text: str, lexed: Lexed, lines: Lines) -> Iterator[Statement]:
    for span in lexed.spans:
        first, last = _without_outer_comments(lexed.tokens, span)
        if first < last:
            yield _statement(text, lexed.tokens[first:last], span.copy_data, lines)


def _without_outer_comments(tokens: list[Token], span: Span) -> tuple[int, int]:
    first, last = span.first, span.last
    while first < last and tokens[first][0] in COMMENTS:
        first += 1
    while first < last and tokens[last - 1][0] in COMMENTS:
        last -= 1
    return first, last


def _statement(text: str, tokens: list[Token], copy_data: Token | None, lines: Lines) -> Statement:
    offset, end = tokens[0][1], tokens[-1][2]
    line, column = lines.at(offset)
    shape = classify(_words(text, tokens))
    return Statement(
        text=text[offset:end],
        offset=offset,
        line=line,
        column=column,
        verb=shape.verb,
        kind=shape.kind,
        is_definition=shape.is_definition,
        leaves_session_state=shape.leaves_session_state,
        copy_data=text[copy_data[1] : copy_data[2]] if copy_data else None,
    )


def _words(text: str, tokens: list[Token]) -> list[str]:
    """What `classify` reads: unquoted words in upper case, everything else as written."""
    if text[tokens[0][1] : tokens[0][2]].upper() in HEAD_TELLS_ALL:
        tokens = tokens[:_HEAD]
    return [
        text[start:end].upper() if kind is TokenKind.WORD else text[start:end]
        for kind, start, end in tokens
        if kind not in COMMENTS
    ]


def _is_wrapped(statements: tuple[Statement, ...]) -> bool:
    """BEGIN first, COMMIT last, and nothing between them that would end the transaction earlier."""
    controls = [statement for statement in statements if statement.kind is _CONTROL]
    return (
        len(controls) == 2
        and controls == [statements[0], statements[-1]]
        and controls[0].verb in ("BEGIN", "START TRANSACTION")
        and _spelled(controls[1]) in _PLAIN_END
    )


def _spelled(statement: Statement) -> str:
    return token_text(statement.text).upper()


def _faults(text: str, lexed: Lexed, lines: Lines) -> Iterator[ScriptProblem]:
    for kind, offset in lexed.faults:
        line, column = lines.at(offset)
        yield ScriptProblem(ScriptProblemCode(kind.value), fault_message(kind), line, column, offset)
    if (offset := text.find("\0")) >= 0:
        line, column = lines.at(offset)
        yield ScriptProblem(ScriptProblemCode.NUL_CHARACTER, NUL_MESSAGE, line, column, offset)


def _refusal(statement: Statement) -> ScriptProblem | None:
    match statement.kind:
        case StatementKind.TRANSACTION_CONTROL:
            code, message = ScriptProblemCode.TRANSACTION_CONTROL, control_message(statement.verb)
        case StatementKind.META_COMMAND:
            code, message = ScriptProblemCode.META_COMMAND, meta_command_message(statement.verb)
        case StatementKind.COPY_OUT:
            code, message = ScriptProblemCode.COPY_TO_STDOUT, COPY_OUT_MESSAGE
        case _ if statement.verb == "SET TRANSACTION":
            code, message = ScriptProblemCode.TRANSACTION_OPTIONS, OPTIONS_MESSAGE
        case _ if _sets_another_encoding(statement):
            code, message = ScriptProblemCode.OTHER_ENCODING, ENCODING_MESSAGE
        case _:
            return None
    return _problem(statement, code, message)


def _sets_another_encoding(statement: Statement) -> bool:
    """pg_dump writes the statement, of UTF-8 in most cases."""
    found = _ENCODING.match(statement.text) if statement.verb == "SET" else None
    return found is not None and re.sub(r"[^a-z0-9]", "", found[1].lower()) not in _UTF_8


def _wrapping(statements: tuple[Statement, ...], wrapped: bool) -> Iterator[ScriptProblem]:
    if wrapped and _spelled(statements[0]) not in _PLAIN_BEGIN:
        yield _problem(statements[0], ScriptProblemCode.TRANSACTION_OPTIONS, OPTIONS_MESSAGE)


def _mixing(statements: tuple[Statement, ...], wrapped: bool, first_line: int) -> Iterator[ScriptProblem]:
    """One problem a script: the first statement that runs alone and the first that does not."""
    inside = (StatementKind.TRANSACTIONAL, StatementKind.COPY_IN, StatementKind.COPY_OUT)
    alone = next((statement for statement in statements if statement.kind is _ALONE), None)
    other = next((statement for statement in statements if statement.kind in inside), None)
    above = first_line - 1
    if alone and wrapped:
        begin = statements[0]
        message = wrapped_message(alone.verb, alone.line + above, begin.verb, begin.line + above)
        yield _problem(alone, ScriptProblemCode.MIXED_TRANSACTIONS, message)
    elif alone and other:
        message = mixed_message(alone.verb, alone.line + above, other.verb, other.line + above)
        yield _problem(alone, ScriptProblemCode.MIXED_TRANSACTIONS, message)


def _problem(statement: Statement, code: ScriptProblemCode, message: str) -> ScriptProblem:
    return ScriptProblem(code, message, statement.line, statement.column, statement.offset)
