"""SQL with its words, texts and comments told apart, by the lexer that also runs it; every character escaped."""

from functools import lru_cache

from markupsafe import Markup, escape

from app.domain.lexer import lex
from app.domain.tokens import TokenKind

MOST_CHARS = 100_000
"""Of more than this nothing is told apart: nobody reads it, and it would only be slow."""

_CLASSES = {
    TokenKind.LINE_COMMENT: "c",
    TokenKind.BLOCK_COMMENT: "c",
    TokenKind.STRING: "s",
    TokenKind.DOLLAR_STRING: "s",
    TokenKind.COPY_DATA: "s",
    TokenKind.NUMBER: "n",
}
_KEYWORDS = frozenset(
    """
    ADD ALL ALTER ALWAYS ANALYZE AND AS ASC BEGIN BETWEEN BY CASCADE CASE CHECK COLUMN COMMENT CONCURRENTLY CONSTRAINT
    CREATE DATABASE DEFAULT DELETE DESC DISTINCT DO DROP EACH ELSE END ENUM EXECUTE EXISTS EXTENSION FOR FOREIGN FROM
    FUNCTION GENERATED GRANT GROUP HAVING IDENTITY IF IN INDEX INSERT INTO IS JOIN KEY LANGUAGE LEFT LIKE LIMIT LOCK
    MATERIALIZED NOT NULL OF ON OR ORDER OWNER PRIMARY PROCEDURE REFERENCES REINDEX RENAME REPLACE RESTRICT RETURNING
    RETURNS REVOKE ROW SCHEMA SELECT SEQUENCE SET TABLE THEN TO TRIGGER TRUNCATE TYPE UNION UNIQUE UPDATE USING VALID
    VALIDATE VALUES VIEW WHEN WHERE WITH
    """.split()  # noqa: SIM905 - a hundred lines of words say no more
)


@lru_cache(maxsize=256)
def highlighted(text: str) -> Markup:
    if len(text) > MOST_CHARS:
        return escape(text)
    parts, position = [], 0
    for kind, start, end in lex(text).tokens:
        shown, word = escape(text[start:end]), _CLASSES.get(kind)
        if kind is TokenKind.WORD and text[start:end].upper() in _KEYWORDS:
            word = "k"
        parts += [
            escape(text[position:start]),
            Markup('<span class="{}">{}</span>').format(word, shown) if word else shown,
        ]
        position = end
    return Markup("").join([*parts, escape(text[position:])])


def lines(
    text: str, first: int = 1, marked: int | None = None, around: int | None = None
) -> list[tuple[int, bool, str]]:
    """Number, whether it is the marked one, and the line; `around`: only so many on each side of the marked one."""
    every = [(first + place, first + place == marked, line) for place, line in enumerate(text.split("\n"))]
    if marked is None or around is None:
        return every
    return [one for one in every if abs(one[0] - marked) <= around]
