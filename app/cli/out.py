"""What is printed and how: text or one JSON document, colours and signs, or neither."""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import click

from app.domain.glyphs import FILE, GLYPHS

PIPED_WIDTH = 120
SIGNS = {glyph.sign: glyph.ascii for glyph in (*GLYPHS.values(), FILE)}
_ASCII = str.maketrans(
    {
        **SIGNS, "…": "...", "·": "-", "→": "->", "←": "<-", "▮": "#", "▯": ".", "⏸": "=",
        "─": "-", "│": "|", "├": "+", "╭": ".", "╰": "`", "┼": "+", "┬": ".", "┴": "`",
    }
)  # fmt: skip


class Form(Enum):
    TEXT = auto()
    JSON = auto()


class Sound(Enum):
    """QUIET: nothing but what was asked for, and errors."""

    NORMAL = auto()
    QUIET = auto()


class Letters(Enum):
    UNICODE = auto()
    ASCII = auto()


@dataclass(frozen=True, slots=True)
class Out:
    """`colour`, `terminal`: whether standard output shows colours, and is one."""

    form: Form = Form.TEXT
    sound: Sound = Sound.NORMAL
    letters: Letters = Letters.UNICODE
    colour: bool = False
    terminal: bool = False

    @property
    def json(self) -> bool:
        return self.form is Form.JSON

    @property
    def quiet(self) -> bool:
        return self.sound is Sound.QUIET

    @property
    def width(self) -> int:
        """Of the terminal, or as COLUMNS says."""
        return shutil.get_terminal_size(fallback=(PIPED_WIDTH, 24)).columns

    def say(self, text: str = "") -> None:
        """For people; not with --json and not with --quiet."""
        if self.form is Form.TEXT and not self.quiet:
            click.echo(self.lettered(text), color=self.colour)

    def answer(self, text: str) -> None:
        """What was asked for; also with --quiet."""
        if self.form is Form.TEXT:
            click.echo(self.lettered(text), color=self.colour)

    def complain(self, text: str) -> None:
        click.echo(self.lettered(text), err=True, color=self.colour and sys.stderr.isatty())

    def document(self, value: Any) -> None:
        """One JSON document, on one line where nobody reads it."""
        click.echo(json.dumps(value, ensure_ascii=False, indent=2 if self.terminal else None, default=str))

    def line_of_json(self, value: Any) -> None:
        """One of many (NDJSON)."""
        click.echo(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))

    def wrapped(self, text: str, indent: int = 2) -> list[str]:
        """A sentence in lines that end between words, further ones set in; whole where no terminal would break it."""
        if not self.terminal:
            return [text]
        further = " " * indent
        width = max(40, self.width)
        return textwrap.wrap(text, width, subsequent_indent=further, break_long_words=False, break_on_hyphens=False)

    def lettered(self, text: str) -> str:
        return text.translate(_ASCII) if self.letters is Letters.ASCII else text

    def paint(self, text: str, colour: str | None = None, *, bold: bool = False, dim: bool = False) -> str:
        """Pad before painting: the codes have no width."""
        return click.style(text, fg=colour, bold=bold or None, dim=dim or None) if self.colour else text


COLOURS = {
    "applied": "green", "completed": "green", "run": "green", "marked": "green", "succeeded": "green",
    "in_sync": "green", "clean": "green", "removed": "yellow",
    "pending": None, "queued": None, "waiting": "yellow", "running": "blue", "cancelling": "yellow", "behind": "yellow",
    "blocked": "yellow", "modified": "yellow", "missing": "yellow", "ahead": "yellow", "not_checked": None,
    "failed": "red", "uncertain": "red", "needs_attention": "red", "diverged": "red", "drifted": "yellow",
    "conflict": "red", "open": "red", "cancelled": "yellow", "rolled_back": None, "high": "red", "medium": "yellow",
}  # fmt: skip
SIGN_OF = {
    **{state: glyph.sign for state, glyph in GLYPHS.items()},
    "succeeded": "✓", "in_sync": "✓", "clean": "✓", "queued": "○", "waiting": "⏸", "behind": "○", "ahead": "≠",
    "diverged": "≠", "drifted": "≠", "not_checked": "?", "cancelled": "⊘", "cancelling": "⊘", "needs_attention": "‽",
    "skipped": "·", "run": "✓", "marked": "✓",
    "live": "✓", "expired": "○", "revoked": "✕", "kept": "✓", "restored": "↩", "partly_restored": "≠",
    "purged": "·", "resolved": "✓", "open": "!", "same": "✓", "different": "≠",
    "enabled": "✓", "disabled": "✕", "delivered": "✓", "removed": "⊘",
}  # fmt: skip


def sign(state: str) -> str:
    return SIGN_OF.get(state, "?")


def shown(out: Out, state: str, width: int = 0) -> str:
    """Sign, word and colour of a state, padded to `width`."""
    return out.paint(f"{sign(state)} {state.replace('_', ' ')}".ljust(width), COLOURS.get(state))


def table(out: Out, heads: Sequence[str], rows: Iterable[Sequence[str]], states: int | None = None) -> list[str]:
    """Columns as wide as what stands in them; the last one is cut at the terminal's edge.

    `states`: the column that holds states, which are shown with sign and colour.
    """
    lined = [list(row) for row in rows]
    cells = [
        [f"{sign(cell)} {cell.replace('_', ' ')}" if at == states else cell for at, cell in enumerate(row)]
        for row in lined
    ]
    widths = [max(len(row[at]) for row in (list(heads), *cells)) for at in range(len(heads))]
    lines = [out.paint(_joined(heads, widths, out.width), dim=True)]
    for row, raw in zip(cells, lined, strict=True):
        line = _joined(row, widths, out.width)
        if states is not None and (colour := COLOURS.get(raw[states])):
            begin = sum(widths[:states]) + 2 * states
            end = begin + len(row[states])
            line = line[:begin] + out.paint(line[begin:end], colour) + line[end:]
        lines.append(line)
    return lines


def cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"


def _joined(cells: Sequence[str], widths: Sequence[int], most: int) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return cut("  ".join(padded).rstrip(), most)
