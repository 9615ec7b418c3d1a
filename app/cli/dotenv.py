"""Reads a .env file: one NAME=value a line, as shells and their friends write it."""

import re
from pathlib import Path

_LINE = re.compile(r"""\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*?)\s*$""")
_ESCAPES = {"n": "\n", "t": "\t"}


def read_dotenv(file: Path) -> dict[str, str]:
    """What is no assignment is passed over; a file that is not there or not readable is an empty one.

    It is shared with other programs: a line of theirs in another encoding must not hide ours.
    """
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is not None and not line.lstrip().startswith("#"):
            found[match["name"]] = _value(match["value"])
    return found


def _value(written: str) -> str:
    """In single quotes to the letter, in double quotes with escapes, bare up to a comment."""
    quote = written[:1]
    if quote in ("'", '"') and (end := _closing(written, quote)) > 0:
        inner = written[1:end]
        return inner if quote == "'" else re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), inner)
    return re.split(r"\s#", written, maxsplit=1)[0].strip()


def _closing(written: str, quote: str) -> int:
    at = 1
    while at < len(written):
        if quote == '"' and written[at] == "\\":
            at += 1
        elif written[at] == quote:
            return at
        at += 1
    return -1
