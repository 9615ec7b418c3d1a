"""The sign that stands beside each word of state: never a colour alone, and never a sign alone."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyph:
    """`ascii` where a terminal knows no more; `colour`: readable on white and on black."""

    sign: str
    ascii: str
    colour: str


GREEN, GREY, AMBER, RED, BLUE = "#2a9d4a", "#8a8f98", "#c77700", "#d64545", "#3b82d6"

GLYPHS: Mapping[str, Glyph] = {
    "applied": Glyph("✓", "+", GREEN),
    "completed": Glyph("✓", "+", GREEN),
    "pending": Glyph("○", "o", GREY),
    "blocked": Glyph("⊘", "/", AMBER),
    "running": Glyph("▶", ">", BLUE),
    "failed": Glyph("✕", "x", RED),
    "conflict": Glyph("!", "!", RED),
    "modified": Glyph("≠", "#", AMBER),
    "missing": Glyph("?", "?", AMBER),
    "rolled_back": Glyph("↩", "<", GREY),
    "uncertain": Glyph("‽", "%", RED),
    "absent": Glyph("·", ".", GREY),
    "unknown": Glyph("~", "~", GREY),
}
FILE = Glyph("●", "*", BLUE)
"""A migration of which only the file is known."""


def glyph_of(state: str | None) -> Glyph:
    """Of a word that is not known here: a question mark."""
    return FILE if state is None else GLYPHS.get(state, GLYPHS["missing"])
