"""A list as it is asked for: one JSON document, names alone, or a table."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from app.cli.exits import Exit
from app.cli.out import Out, table

if TYPE_CHECKING:
    from app.client.reading import Document

D = TypeVar("D", bound="Document")


def listed(
    out: Out,
    found: Sequence[D],
    named: Callable[[D], str],
    heads: Sequence[str],
    row: Callable[[D], Sequence[str]],
    *,
    states: int | None = None,
    none: str | None = None,
) -> int:
    """`named`: all that --quiet prints of one. `none`: said instead of an empty table. `states`: as in `table`."""
    if out.json:
        out.document([one.raw for one in found])
    elif out.quiet:
        for one in found:
            out.answer(named(one))
    elif not found and none is not None:
        out.say(none)
    else:
        for line in table(out, heads, [row(one) for one in found], states):
            out.say(line)
    return Exit.DONE
