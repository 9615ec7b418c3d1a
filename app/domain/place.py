"""Where in a text something stands, and how to show it to a person."""

import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass

_BYTE_ORDER_MARK = "\ufeff"
_WINDOW_CHARS = 100
_CHARS_BEFORE = 70


@dataclass(frozen=True, slots=True)
class Place:
    """`line` and `column` are 1-based, in characters; `line_text` has no line end and no byte order mark."""

    line: int
    column: int
    line_text: str


class Lines:
    """The line ends of one text, found once, so that many places cost no more than one."""

    def __init__(self, text: str) -> None:
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._marked = text.startswith(_BYTE_ORDER_MARK)

    def at(self, offset: int) -> tuple[int, int]:
        """The 1-based line and column of a 0-based offset; a byte order mark is hidden and has no column."""
        before = bisect_left(self._ends, offset)
        start = self._ends[before - 1] + 1 if before else int(self._marked)
        return before + 1, max(1, offset - start + 1)


def place_of(text: str, offset: int) -> Place:
    """The place of a 0-based offset; one beyond the text is taken for its end."""
    offset = max(0, min(offset, len(text)))
    line, column = Lines(text[:offset]).at(offset)
    begin = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    line_text = text[begin : len(text) if end < 0 else end]
    return Place(line, column, line_text.removesuffix("\r").removeprefix(_BYTE_ORDER_MARK))


def caret(place: Place) -> str:
    """Two lines: the source line, cut around the column when it is long, and a caret under the column."""
    begin = 0 if len(place.line_text) <= _WINDOW_CHARS else max(0, place.column - 1 - _CHARS_BEFORE)
    end = begin + _WINDOW_CHARS
    before = ("…" if begin else "") + _shown(place.line_text[begin : place.column - 1])
    after = _shown(place.line_text[place.column - 1 : end]) + ("…" if end < len(place.line_text) else "")
    return f"{before}{after}\n{_blank(before)}^"


def _shown(text: str) -> str:
    """Control characters could move a terminal's cursor, so only the tab stays."""
    return "".join(char if char == "\t" or char.isprintable() else " " for char in text)


def _blank(text: str) -> str:
    """White space as wide as `text`: a tab stays a tab, a wide character takes two columns."""
    return "".join("\t" if char == "\t" else " " * _width(char) for char in text)


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
