"""The picture for Mermaid, which code hosts show in a page of Markdown."""

from collections.abc import Iterator

from app.domain.drawing.dot import states_of
from app.domain.drawing.picture import Drawn, Picture
from app.domain.glyphs import glyph_of

# what would end a label, begin a tag or be read as one of its own entities
_ENTITIES = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\\": "#92;"}


def mermaid(picture: Picture) -> str:
    """An arrow leads from a dependency to what needs it."""
    return "".join(f"{line}\n" for line in _lines(picture))


def _lines(picture: Picture) -> Iterator[str]:
    yield "flowchart LR"
    for row, one in enumerate(picture.migrations):
        yield f'  n{row}["{_label(picture, one)}"]'
    yield from (f"  n{source} --> n{row}" for source, row in picture.edges)
    for row, one in enumerate(picture.migrations):
        for place, name in enumerate(picture.undefined(one)):
            yield f'  u{row}_{place}["{_escaped(name)}<br/>no file defines it"] -.-> n{row}'
    for row, one in enumerate(picture.migrations):
        if len(one.states) == 1:
            yield f"  style n{row} stroke:{glyph_of(one.states[0]).colour}"


def _label(picture: Picture, one: Drawn) -> str:
    lines = [f"{one.version} {one.name}".strip(), *states_of(picture, one)]
    return "<br/>".join(map(_escaped, lines))


def _escaped(text: str) -> str:
    return "".join(_ENTITIES.get(letter, letter) for letter in text)
