"""The picture for a page: it carries no style sheet and no script, so that it may stand in any."""

from collections.abc import Iterator
from html import escape

from app.domain.drawing.dot import states_of
from app.domain.drawing.layout import Lane, Layout, lay_out
from app.domain.drawing.picture import Drawn, Picture
from app.domain.glyphs import Glyph, glyph_of

ROW, LANE, MARGIN, DOT, LETTER, SIGN_COLUMN = 28, 14, 16, 9, 7.8, 22
"""In px: the height of a row, between two lanes, around all, the radius of a dot, the width of a letter, of a sign."""


def svg(picture: Picture) -> str:
    """Text and lines take the colour of the page around them; each state is a sign, a colour and a word."""
    layout = lay_out(picture)
    many = len(picture.environments) > 1
    head = _longest(picture.environments) * LETTER if many else 0.0
    names = MARGIN + layout.columns * LANE + 2 * DOT + 10
    signs = names + _longest([_called(one) for one in picture.migrations]) * LETTER + SIGN_COLUMN
    width = signs + (len(picture.environments) * SIGN_COLUMN + head * 0.7 if many else 12 * LETTER) + MARGIN
    top = MARGIN + head * 0.75
    height = top + len(picture.migrations) * ROW + MARGIN
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
            f'height="{height:.0f}" role="img" aria-label="migrations and their dependencies" '
            f'font-family="ui-monospace, monospace" font-size="13" fill="currentColor">\n',
            *(_line(lane, layout, top) for lane in layout.lanes),
            *(
                _heading(name, signs + place * SIGN_COLUMN, top)
                for place, name in enumerate(picture.environments)
                if many
            ),
            *_rows(picture, layout, top, names, signs),
            "</svg>\n",
        )
    )


def _rows(picture: Picture, layout: Layout, top: float, names: float, signs: float) -> Iterator[str]:
    x = _dot_x(layout)
    for row, one in enumerate(picture.migrations):
        y = top + (row + 0.5) * ROW
        own = glyph_of(one.states[0] if len(one.states) == 1 else None)
        yield f'<g class="migration" data-name="{escape(one.name)}"><title>{_title(picture, one)}</title>'
        yield _marked(own, x, y)
        yield f'<text x="{names:.1f}" y="{y + 4.5:.1f}">{escape(_called(one))}</text>'
        if len(one.states) == 1:
            word = escape(one.states[0].replace("_", " "))
            yield f'<text x="{signs:.1f}" y="{y + 4.5:.1f}" opacity="0.75">{word}</text>'
        else:
            for place, state in enumerate(one.states):
                yield _marked(glyph_of(state), signs + place * SIGN_COLUMN, y)
        yield "</g>\n"


def _marked(glyph: Glyph, x: float, y: float) -> str:
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{DOT}" fill="{glyph.colour}" fill-opacity="0.16" '
        f'stroke="{glyph.colour}"/><text x="{x:.1f}" y="{y + 4:.1f}" font-size="12" text-anchor="middle">'
        f"{escape(glyph.sign)}</text>"
    )


def _line(lane: Lane, layout: Layout, top: float) -> str:
    """Down the lane, and from it a bend to each migration that it touches."""
    x, end = MARGIN + lane.column * LANE + LANE / 2, _dot_x(layout) - DOT
    ys = [top + (row + 0.5) * ROW for row in (lane.first, lane.last)]
    strokes = [f"M{x:.1f} {ys[0] + 6:.1f}V{ys[1] - 6:.1f}"]
    for row in (lane.source, *lane.joins):
        y = top + (row + 0.5) * ROW
        bend = 6 if row == lane.first else -6
        strokes.append(f"M{x:.1f} {y + bend:.1f}Q{x:.1f} {y:.1f} {x + 6:.1f} {y:.1f}H{end:.1f}")
    return f'<path d="{"".join(strokes)}" fill="none" stroke="currentColor" stroke-opacity="0.45"/>\n'


def _heading(name: str, x: float, top: float) -> str:
    return f'<text transform="translate({x:.1f} {top - 4:.1f}) rotate(-45)">{escape(name)}</text>\n'


def _dot_x(layout: Layout) -> float:
    return MARGIN + layout.columns * LANE + DOT


def _called(one: Drawn) -> str:
    return f"{one.version} {one.name}".strip()


def _title(picture: Picture, one: Drawn) -> str:
    needs = [f"needs {', '.join(one.dependencies)}"] if one.dependencies else []
    return escape("; ".join([_called(one), *needs, *states_of(picture, one)]))


def _longest(words: "list[str] | tuple[str, ...]") -> int:
    return max((len(word) for word in words), default=0)
