"""The matrix as rows to be drawn: made by plain string work, since there may be thousands of cells."""

from dataclasses import dataclass

from markupsafe import Markup, escape

from app.ui.asking import Json, segment
from app.ui.looks import look

LEFT_OPEN = 3
"""How many of those that are applied everywhere stay in sight: the newest."""
LEAST_FOLDED = 3


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    version: str
    href: str
    reversible: bool
    risk: str | None
    cells: Markup


def matching(rows: list[Json], wanted: str) -> list[Json]:
    """Whose name or version holds `wanted`, whatever its case."""
    text = wanted.casefold()
    return (
        [one for one in rows if text in one["name"].casefold() or text in one["version"].casefold()] if text else rows
    )


def folded_rows(rows: list[Json]) -> int:
    """How many of the first rows are applied everywhere, but for the newest few of them."""
    alike = 0
    for row in rows:
        if any(cell["state"] != "applied" for cell in row["cells"]):
            break
        alike += 1
    fold = alike - LEFT_OPEN
    return fold if fold >= LEAST_FOLDED else 0


def drawn(row: Json, names: list[str], href: str) -> Row:
    cells = [_cell(cell, href, name) for cell, name in zip(row["cells"], names, strict=True)]
    drawn = Markup("".join(cells))  # noqa: S704 - each is escaped where it is made
    return Row(row["name"], row["version"], href, row["reversible"], row["risk"], drawn)


def _cell(cell: Json, href: str, environment: str) -> str:
    """The environment once more, for narrow screens, where the head of the table is out of sight."""
    shown, at = look(cell["state"]), cell["appliedAt"]
    title = f' title="{at[:19].replace("T", " ")} UTC"' if at else ""
    return (
        f'<td data-label="{escape(environment)}"><a class="state {shown.tone}" '
        f'href="{href}?environment={segment(environment)}"{title}>'
        f'<span aria-hidden="true">{shown.glyph}</span> {shown.word}</a></td>'
    )
