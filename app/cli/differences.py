"""Objects that differ, one a line, and on demand as SQL on both sides."""

from collections.abc import Iterable, Iterator

from app.cli.out import Out, cut

MARKS = {"missing": ("-", "red"), "unexpected": ("+", "green"), "changed": ("~", "yellow")}

Difference = tuple[str, str, str | None, str | None]
"""How it differs, in words, and both sides."""


def objects(out: Out, differences: Iterable[Difference], sides: tuple[str, str], *, with_sql: bool) -> Iterator[str]:
    """`-` is missing, `+` is not expected, `~` is another."""
    for change, text, first, second in differences:
        mark, colour = MARKS.get(change, ("?", "yellow"))
        yield f"    {out.paint(mark, colour)} {text if with_sql else cut(text, out.width - 6)}"
        for side, definition in zip(sides, (first, second), strict=True) if with_sql else ():
            if definition is not None:
                yield f"        {out.paint(f'{side}:', dim=True)}"
                yield from (f"          {line}" for line in definition.splitlines())
