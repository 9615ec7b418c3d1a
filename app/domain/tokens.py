"""What a token of a PostgreSQL script is, and the one regular expression that finds the next one.

Every repetition in it is possessive: what was taken is never given back, so no input makes it slow.
"""

import re
from enum import StrEnum


class TokenKind(StrEnum):
    WORD = "word"
    QUOTED_NAME = "quoted name"
    STRING = "string"
    DOLLAR_STRING = "dollar string"
    NUMBER = "number"
    PARAMETER = "parameter"
    OPERATOR = "operator"
    PUNCTUATION = "punctuation"
    OPEN = "open"
    CLOSE = "close"
    SEMICOLON = "semicolon"
    TERMINATOR = "terminator"
    LINE_COMMENT = "line comment"
    BLOCK_COMMENT = "block comment"
    META_COMMAND = "meta-command"
    COPY_DATA = "copy data"
    COPY_END = "copy end"
    UNREAD = "unread"


# kind, start, end in characters. A plain tuple: a NamedTuple here halves the lexer's speed (measured).
Token = tuple[TokenKind, int, int]

COMMENTS = frozenset({TokenKind.LINE_COMMENT, TokenKind.BLOCK_COMMENT})


class FaultKind(StrEnum):
    STRING = "unterminated_string"
    QUOTED_NAME = "unterminated_identifier"
    DOLLAR_STRING = "unterminated_dollar_quote"
    COMMENT = "unterminated_comment"
    PARENTHESIS = "unclosed_parenthesis"
    ROUTINE_BODY = "unclosed_routine_body"
    COPY_DATA = "unterminated_copy_data"
    COPY_LINE = "text_after_copy"


_SPACE = r"[ \t\n\r\f\v]"
# Two quoted parts with a line end between them are one constant, comments included: scan.l `quotecontinue`.
STRING_CONTINUATION = r"(?:[ \t\f\v]|--[^\n\r]*+)*+[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*+[\n\r])*+"
PLAIN_BODY = r"[^']*+(?:''[^']*+)*+'"
ESCAPE_BODY = r"[^'\\]*+(?:(?:''|\\.)[^'\\]*+)*+'"
# Everything from \x80 on may stand in a name, also a no-break space: scan.l `ident_start`.
_NAME = r"[^\x00-@\[-^`{-\x7f][^\x00-#%-/:-@\[-^`{-\x7f]*+"


def _string(prefix: str, body: str) -> str:
    """A closed string; one whose continuation never closes is left to the rule for unclosed ones."""
    return f"({prefix}'{body}(?:{STRING_CONTINUATION}'{body})*+(?!{STRING_CONTINUATION}'))"


# In the order they are tried, the frequent ones first. A word before a quote or an ampersand may be a prefix,
# as in E'' and U&"", so it gets its second chance after the strings.
_RULES: tuple[tuple[TokenKind | FaultKind, str], ...] = (
    (TokenKind.WORD, rf"({_NAME})(?!['&])"),
    (TokenKind.PUNCTUATION, r"([,\[\]{}]|\.(?![0-9])|::|:=|:)"),
    (TokenKind.OPEN, r"(\()"),
    (TokenKind.CLOSE, r"(\))"),
    (TokenKind.STRING, _string("", PLAIN_BODY)),
    (TokenKind.NUMBER, r"((?:[0-9][0-9_]*+(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?[A-Za-z0-9_]*+)"),
    (TokenKind.SEMICOLON, r"(;)"),
    (TokenKind.OPERATOR, r"((?:[+*<>=~!@#%^&|`?]|-(?!-)|/(?!\*))++)"),
    (TokenKind.LINE_COMMENT, r"(--[^\n\r]*+)"),
    (TokenKind.QUOTED_NAME, r'((?:[uU]&)?"[^"]*+(?:""[^"]*+)*+")'),
    (TokenKind.STRING, _string("[eE]", ESCAPE_BODY)),
    (TokenKind.STRING, _string("(?:[bBxXnN]|[uU]&)", PLAIN_BODY)),
    (TokenKind.PARAMETER, r"(\$[0-9]++)"),
    (TokenKind.BLOCK_COMMENT, r"(/\*)"),
    (TokenKind.DOLLAR_STRING, r"(\$(?:[^\x00-@\[-^`{-\x7f][^\x00-/:-@\[-^`{-\x7f]*+)?\$)"),
    (TokenKind.META_COMMAND, r"(\\[^\n\r]*+)"),
    (FaultKind.STRING, r"((?:[eEbBxXnN]|[uU]&)?')"),
    (FaultKind.QUOTED_NAME, r'((?:[uU]&)?")'),
    (TokenKind.WORD, f"({_NAME})"),
    (TokenKind.PUNCTUATION, r"(.)"),
    (TokenKind.UNREAD, r"(\Z)"),
)
# Read by the lexer itself, because they nest, end a statement, or end where no expression can tell.
_NOT_PLAIN = frozenset({
    TokenKind.SEMICOLON, TokenKind.BLOCK_COMMENT, TokenKind.DOLLAR_STRING, TokenKind.META_COMMAND,
    TokenKind.UNREAD,
})  # fmt: skip

MASTER = re.compile(f"{_SPACE}*+(?:{'|'.join(pattern for _, pattern in _RULES)})", re.DOTALL)
# By the number of the group that matched; group 0 is no rule.
KINDS: tuple[TokenKind | FaultKind, ...] = (TokenKind.UNREAD, *(kind for kind, _ in _RULES))
PLAIN_KINDS: tuple[TokenKind | None, ...] = tuple(
    kind if isinstance(kind, TokenKind) and kind not in _NOT_PLAIN else None for kind in KINDS
)
