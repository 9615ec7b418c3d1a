"""`liftlock compare`: two environments side by side."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from app.cli.command import command
from app.cli.differences import objects
from app.cli.exits import Exit
from app.cli.out import Out, shown
from app.cli.session import Session
from app.cli.steps import as_typed

if TYPE_CHECKING:
    from app.client.documents.comparison import ComparedPair

MOST = 20


@command(example="liftlock compare staging production\nliftlock compare staging production --sql")
@click.argument("source", metavar="A")
@click.argument("target", metavar="B")
@click.option("--strict", is_flag=True, help="Also owners, grants and versions of collations.")
@click.option("--sql", is_flag=True, help="Each differing object as SQL, on both sides.")
def compare(session: Session, source: str, target: str, strict: bool, sql: bool) -> int:
    """B held against A: what each has applied, and how their schemas differ.

    Of an environment with several targets each is held against the other side, or where both have several, against the
    one of the same name. Exits with 3 when they differ.
    """
    found = session.client.environments.compare(source, target, strict=strict)
    each = found.targets or (found,)
    if session.out.json:
        session.out.document(found.raw)
    else:
        for place, one in enumerate(each):
            if place:
                session.out.say("")
            for line in _lines(session.out, one, with_sql=sql):
                session.out.say(line)
    alike = all(one.verdict == "in_sync" and one.schema.state == "same" for one in each)
    return Exit.DONE if alike else Exit.DIFFERENCE


def _lines(out: Out, found: "ComparedPair", *, with_sql: bool) -> Iterator[str]:
    yield f"{shown(out, found.verdict)}  {found.message}"
    ledger = found.ledger
    yield ""
    yield f"  applied in both {ledger.counts.same}, only in {found.source} {ledger.counts.only_in_from}, " + (
        f"only in {found.target} {ledger.counts.only_in_to}, from other files {ledger.counts.different}"
    )
    for place, rows in ((found.source, ledger.only_in_from), (found.target, ledger.only_in_to)):
        yield from (f"    only in {place}: {one.version} {one.name}" for one in rows[:MOST])
        if len(rows) > MOST:
            yield f"    … {len(rows) - MOST} more only in {place}"
    for other in ledger.different:
        yield f"    other files: {other.name}{' (comments only)' if other.comments_only else ''}"
    yield ""
    schema = found.schema
    count = schema.differences_total
    said = schema.reason or ("the schemas are alike" if not count else f"{count} objects differ")
    yield f"  {shown(out, schema.state)}  schema: {said}"
    sides = ((one.change, one.text, one.source, one.target) for one in schema.differences)
    yield from objects(out, sides, (found.source, found.target), with_sql=with_sql)
    yield from (f"    {out.paint(as_typed(step), 'cyan')}" for step in found.next_steps)
