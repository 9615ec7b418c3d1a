"""On which line of a TOML file a key stands: the parser of the standard library does not tell."""

import re
from collections.abc import Iterator

Path = tuple[str, ...]

_HEADER = re.compile(r"^\s*\[([^\[\]]+)\]\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_LONG = re.compile(r'"""|\'\'\'')


class Places:
    """Lines, from 1. Good for messages: a key inside an inline table is found where that table begins."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        for line, path in _named(text):
            self._lines.setdefault(path, line)

    def line_of(self, path: Path) -> int | None:
        """Of the key, or of the nearest table around it that has a line."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return None


def _named(text: str) -> Iterator[tuple[int, Path]]:
    table: Path = ()
    within = False
    for number, line in enumerate(text.splitlines(), 1):
        if not within:
            header, key = _HEADER.match(line), _KEY.match(line)
            if header is not None:
                table = _parts(header[1])
                yield number, table
            elif key is not None:
                yield number, (*table, *_parts(key[1]))
        # an odd number of marks opens a text of several lines, or closes one
        within ^= len(_LONG.findall(line)) % 2 == 1


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
