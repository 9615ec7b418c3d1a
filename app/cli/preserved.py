"""`liftlock preserved`: rows that steps would have destroyed."""

from typing import TYPE_CHECKING

import click

from app.cli.command import command, listing
from app.cli.exits import Exit
from app.cli.options import CONFIRM, ENVIRONMENT, LOCK_TIMEOUT, NOTE, ON_BUSY, WAITING
from app.cli.out import table
from app.cli.run import Waiting, asked
from app.cli.session import Session
from app.cli.times import ago, moment, size

if TYPE_CHECKING:
    from app.client.documents.jobs import Job


@command("ls", example="liftlock preserved staging")
@ENVIRONMENT
def ls(session: Session, environment: str | None) -> int:
    """What is kept, was given back or purged; newest first."""
    found, out = session.client.preserved.list(session.needed_environment(environment)), session.out
    if out.json:
        out.document([one.raw for one in found])
    elif out.quiet:
        for one in found:
            out.answer(one.id)
    elif not found:
        out.say("nothing is kept here")
    else:
        now = session.now()
        rows = [
            (
                one.state,
                one.id,
                f"{one.rows} rows, {size(one.bytes)}",
                ago(one.kept_at, now),
                moment(one.kept_until)[:10],
                f"{_what(one.table, one.columns)}, by {one.migration}",
            )
            for one in found
        ]
        for line in table(out, ("STATE", "ID", "HOLDS", "KEPT", "UNTIL", "WHAT"), rows, states=0):
            out.say(line)
    return Exit.DONE


@command(example="liftlock preserved restore staging 0198… --table rescued_names")
@click.argument("environment", metavar="ENV")
@click.argument("set_id", metavar="ID")
@click.option("--table", metavar="NAME", help="The new table; made up when left out.")
@CONFIRM
@ON_BUSY
@LOCK_TIMEOUT
@NOTE
@WAITING
def restore(
    session: Session,
    environment: str,
    set_id: str,
    table: str | None,
    confirm: str | None,
    on_busy: str | None,
    lock_timeout_ms: int | None,
    note: str | None,
    detach: bool,
    timeout: float | None,
) -> int:
    """Put preserved rows into a table of their own; the set stays kept."""

    def ask() -> "Job":
        return session.client.preserved.restore(
            environment, set_id, table, confirm, on_busy=on_busy, lock_timeout_ms=lock_timeout_ms, note=note
        )

    return asked(session, Waiting(detach=detach, timeout=timeout), ask)


def _what(table: str, columns: tuple[str, ...]) -> str:
    return f"{table} ({', '.join(columns)})" if columns else table


preserved = listing("preserved", (ls, restore), "Rows that steps would have destroyed, and how to have them back.")
