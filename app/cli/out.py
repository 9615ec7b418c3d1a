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
GAP = "  "
SET_IN = 4
LEAST_LAST = 24
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

    @property
    def edge(self) -> int | None:
        """Where lines end; None in a pipe, which has no edge unless COLUMNS says so."""
        return shutil.get_terminal_size(fallback=(0, 24)).columns or None

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
    "in_sync": "green", "clean": "green", "removed": "yellow", "unusable": "red",
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
    "unusable": "✕",
}  # fmt: skip


def sign(state: str) -> str:
    return SIGN_OF.get(state, "?")


def shown(out: Out, state: str, width: int = 0) -> str:
    """Sign, word and colour of a state, padded to `width`."""
    return out.paint(f"{sign(state)} {state.replace('_', ' ')}".ljust(width), COLOURS.get(state))


def table(out: Out, heads: Sequence[str], rows: Iterable[Sequence[str]], states: int | None = None) -> list[str]:
    """Columns as wide as what stands in them. Those that the terminal has no room for stand in a further line, set in;
    only the last one is cut, or what is wider than a whole line. In a pipe a row is one line, and whole.

    `states`: the column that holds states, which are shown with sign and colour.
    """
    lined = [list(row) for row in rows]
    cells = [
        [f"{sign(cell)} {cell.replace('_', ' ')}" if at == states else cell for at, cell in enumerate(row)]
        for row in lined
    ]
    widths = [max(len(row[at]) for row in (list(heads), *cells)) for at in range(len(heads))]
    folds = _folds(widths, out.edge)
    lines = [out.paint(line, dim=True) for fold in folds if (line := _joined(heads, widths, fold, out.edge))]
    for row, raw in zip(cells, lined, strict=True):
        for fold in folds:
            line = _joined(row, widths, fold, out.edge)
            if states is not None and states in fold.columns and (colour := COLOURS.get(raw[states])):
                begin = fold.begin + sum(widths[at] + len(GAP) for at in fold.columns if at < states)
                end = begin + len(row[states])
                line = line[:begin] + out.paint(line[begin:end], colour) + line[end:]
            lines += [line] if line else []
    return lines


def cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"


@dataclass(frozen=True, slots=True)
class _Fold:
    """A line of a row: the columns in it, and how far it is set in."""

    columns: range
    begin: int


def _folds(widths: Sequence[int], edge: int | None) -> list[_Fold]:
    """As many columns in a line as there is room for; the last one is content with what says something of it."""
    folds, first, used = list[_Fold](), 0, 0
    for at, width in enumerate(widths):
        least = min(width, LEAST_LAST) if at == len(widths) - 1 else width
        if edge is not None and at > first and used + least > edge:
            folds.append(_Fold(range(first, at), SET_IN if folds else 0))
            first, used = at, SET_IN
        used += width + len(GAP)
    return [*folds, _Fold(range(first, len(widths)), SET_IN if folds else 0)]


def _joined(cells: Sequence[str], widths: Sequence[int], fold: _Fold, edge: int | None) -> str:
    said = GAP.join(cells[at].ljust(widths[at]) for at in fold.columns).rstrip()
    if not said:
        return ""
    line = " " * fold.begin + said
    return line if edge is None else cut(line, edge)
