"""The statements that stand written out in the PL/pgSQL body of a DO block.

What a condition decides and what EXECUTE puts together is not seen; what is written is read like any other statement.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from app.domain.lexer import lex
from app.domain.statements import Statement, parse_script
from app.domain.tokens import COMMENTS, Token, TokenKind
from app.domain.words import words_of

_STARTS = frozenset({
    "ALTER", "CREATE", "DROP", "TRUNCATE", "DELETE", "UPDATE", "INSERT", "MERGE", "GRANT", "REVOKE", "LOCK", "COPY",
    "REINDEX", "CLUSTER", "REFRESH", "REASSIGN", "CALL", "WITH",
})  # fmt: skip
_OPENS_A_STATEMENT = frozenset({"", "BEGIN", "THEN", "ELSE", "LOOP", ">>"})
_NO_STRING = frozenset({"FUNCTION", "PROCEDURE", "ON", ","})
_STRINGS = (TokenKind.STRING, TokenKind.DOLLAR_STRING)
_TAG = re.compile(r"\$[^$]*\$")


def written_in(block: Statement) -> Iterator[Statement]:
    """Each with its line of the script. Nothing for a body in another language."""
    body, offset = _body(block.text)
    first_line = block.line + block.text.count("\n", 0, offset)
    lexed = lex(body)
    for span in lexed.spans:
        tokens = [token for token in lexed.tokens[span.first : span.last] if token[0] not in COMMENTS]
        start = _start_of_statement(body, tokens)
        if start is not None:
            text = body[start : tokens[-1][2]]
            line = first_line + body.count("\n", 0, start)
            yield from (replace(one, line=line) for one in parse_script(text).statements[:1])


def is_readable(block: Statement) -> bool:
    """Whether nothing of the block is put together while it runs."""
    body, _ = _body(block.text)
    words = words_of(body).upper
    # GRANT EXECUTE ON and a trigger's EXECUTE FUNCTION are other words
    put_together = any(one == "EXECUTE" and other not in _NO_STRING for one, other in pairwise((*words, "")))
    return bool(body) and not put_together


def _body(text: str) -> tuple[str, int]:
    """The text between the quotes and its offset; '' when it is in another language."""
    tokens = [token for token in lex(text).tokens if token[0] not in COMMENTS]
    words = [text[start:end].upper() for _, start, end in tokens]
    if "LANGUAGE" in words and words[words.index("LANGUAGE") + 1 :][:1] not in ([], ["PLPGSQL"], ["'PLPGSQL'"]):
        return "", 0
    found = next(
        (token for at, token in enumerate(tokens) if token[0] in _STRINGS and words[at - 1] != "LANGUAGE"), None
    )
    if found is None:
        return "", 0
    kind, start, end = found
    if kind is TokenKind.STRING:
        start = text.index("'", start) + 1
        return text[start : end - 1].replace("''", "'"), start
    tag = _TAG.match(text, start)
    width = len(tag.group()) if tag else 0
    return text[start + width : end - width], start + width


def _start_of_statement(body: str, tokens: list[Token]) -> int | None:
    """Where SQL begins behind BEGIN, IF … THEN, ELSE or LOOP."""
    previous = ""
    for _, start, end in tokens:
        word = body[start:end].upper()
        if word in _STARTS and previous in _OPENS_A_STATEMENT:
            return start
        previous = word
    return None
