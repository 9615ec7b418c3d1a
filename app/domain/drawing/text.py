"""The picture for a terminal: one line a migration."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from app.domain.drawing.layout import Lane, lay_out
from app.domain.drawing.picture import Drawn, Picture
from app.domain.glyphs import glyph_of


class Letters(Enum):
    UNICODE = auto()
    ASCII = auto()


@dataclass(frozen=True, slots=True)
class _Strokes:
    """Of a lane in its uppermost row, in its last, and where it touches a migration between them.

    Each also with a stroke that comes from farther left; a lane that is only crossed is never broken.
    """

    begins: tuple[str, str]
    ends: tuple[str, str]
    touches: tuple[str, str]
    passes: str
    along: str


_STROKES = {
    Letters.UNICODE: _Strokes(("╭", "┬"), ("╰", "┴"), ("├", "┼"), "│", "─"),
    Letters.ASCII: _Strokes((".", "."), ("`", "`"), ("+", "+"), "|", "-"),
}


def text(picture: Picture, letters: Letters = Letters.UNICODE) -> str:
    """Lanes, the sign of its state, version and name; with several environments, a column of signs for each."""
    layout = lay_out(picture)
    strokes = _STROKES[letters]
    begins: dict[int, list[Lane]] = {}
    for lane in layout.lanes:
        begins.setdefault(lane.first, []).append(lane)
    open_lanes: list[Lane] = []
    wide = max((len(one.version) for one in picture.migrations), default=0)
    long = max((len(one.name) for one in picture.migrations), default=0)
    lines = [_heading(picture, 2 * layout.columns + wide + long + 4)] if len(picture.environments) > 1 else []
    for row, one in enumerate(picture.migrations):
        open_lanes = [lane for lane in open_lanes if lane.last >= row] + begins.get(row, [])
        drawn = _lanes(row, open_lanes, layout.columns, strokes)
        lines.append(f"{drawn}{_sign(one, letters)} {one.version:<{wide}}  {_told(picture, one, long, letters)}")
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _lanes(row: int, lanes: Sequence[Lane], columns: int, strokes: _Strokes) -> str:
    """A horizontal stroke runs from the leftmost lane that touches the row to the migration."""
    by_column = {lane.column: lane for lane in lanes}
    touching = [lane.column for lane in lanes if row == lane.source or row in lane.joins]
    leftmost = min(touching, default=columns)
    cells: list[str] = []
    for column in range(columns):
        lane, reached = by_column.get(column), column > leftmost
        if lane is None:
            cells.append(strokes.along if reached else " ")
        elif column in touching:
            edge = {lane.first: strokes.begins, lane.last: strokes.ends}
            cells.append(edge.get(row, strokes.touches)[reached])
        else:
            cells.append(strokes.passes)
        cells.append(strokes.along if column >= leftmost else " ")
    return "".join(cells)


def _sign(one: Drawn, letters: Letters) -> str:
    """Of the one environment; a dot where there are several, or none."""
    glyph = glyph_of(one.states[0] if len(one.states) == 1 else None)
    return glyph.ascii if letters is Letters.ASCII else glyph.sign


def _told(picture: Picture, one: Drawn, long: int, letters: Letters) -> str:
    undefined = picture.undefined(one)
    needs = f"  needs {', '.join(undefined)}, which no file defines" if undefined else ""
    if len(one.states) == 1:
        word = one.states[0].replace("_", " ")
        return f"{one.name:<{long}}  {word}{needs}"
    signs = (
        f"  {(glyph.ascii if letters is Letters.ASCII else glyph.sign):<{len(environment)}}"
        for environment, glyph in zip(picture.environments, map(glyph_of, one.states), strict=False)
    )
    return f"{one.name:<{long}}{''.join(signs)}{needs}"


def _heading(picture: Picture, indent: int) -> str:
    return " " * indent + "".join(f"  {name}" for name in picture.environments)
