"""The picture for Graphviz."""

from collections.abc import Iterator

from app.domain.drawing.picture import Drawn, Picture
from app.domain.glyphs import glyph_of


def dot(picture: Picture) -> str:
    """An arrow leads from a dependency to what needs it."""
    return "".join(f"{line}\n" for line in _lines(picture))


def _lines(picture: Picture) -> Iterator[str]:
    yield "digraph migrations {"
    yield "  rankdir=LR;"
    yield '  node [shape=box, style=rounded, fontname="sans-serif"];'
    for row, one in enumerate(picture.migrations):
        yield f'  n{row} [label="{_label(picture, one)}", color="{_colour(one)}"];'
    yield from (f"  n{source} -> n{row};" for source, row in picture.edges)
    for row, one in enumerate(picture.migrations):
        for place, name in enumerate(picture.undefined(one)):
            yield f'  u{row}_{place} [label="{_quoted(name)}\\nno file defines it", style=dashed];'
            yield f"  u{row}_{place} -> n{row};"
    yield "}"


def _label(picture: Picture, one: Drawn) -> str:
    lines = [f"{one.version} {one.name}".strip(), *states_of(picture, one)]
    return "\\n".join(map(_quoted, lines))


def states_of(picture: Picture, one: Drawn) -> list[str]:
    """`✓ applied in staging`, a line for each environment."""
    return [
        f"{glyph_of(state).sign} {state.replace('_', ' ')} in {environment}"
        for environment, state in zip(picture.environments, one.states, strict=False)
    ]


def _colour(one: Drawn) -> str:
    return glyph_of(one.states[0] if len(one.states) == 1 else None).colour


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
