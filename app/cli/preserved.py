"""`liftlock preserved`: rows that steps would have destroyed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from app.cli.command import command, listing
from app.cli.lists import listed
from app.cli.options import CONFIRM, ENVIRONMENT, LOCK_TIMEOUT, NOTE, ON_BUSY, WAITING
from app.cli.run import Waiting, asked
from app.cli.session import Session
from app.cli.times import ago, moment, size

if TYPE_CHECKING:
    from app.client.documents.jobs import Job
    from app.client.documents.preserved import Preserved


@command("ls", example="liftlock preserved staging")
@ENVIRONMENT
def ls(session: Session, environment: str | None) -> int:
    """What is kept, was given back or purged; newest first."""
    now = session.now()

    def row(one: "Preserved") -> Sequence[str]:
        holds, until = f"{one.rows} row{'s' * (one.rows != 1)}, {size(one.bytes)}", moment(one.kept_until)[:10]
        what = f"{_what(one.table, one.columns)}, by {one.migration}"
        return one.state, one.id, holds, ago(one.kept_at, now), until, what

    found = session.client.preserved.list(session.needed_environment(environment))
    heads = ("STATE", "ID", "HOLDS", "KEPT", "UNTIL", "WHAT")
    return listed(session.out, found, lambda one: one.id, heads, row, states=0, none="nothing is kept here")


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
