"""`liftlock schedules`: what runs by itself."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from app.cli.command import command, listing
from app.cli.exits import Exit
from app.cli.lists import listed
from app.cli.options import NOTE, WAITING
from app.cli.run import Waiting, asked
from app.cli.session import Session
from app.cli.times import ago, lasting

if TYPE_CHECKING:
    from app.client.documents.schedules import Schedule

NAME = click.argument("name", metavar="NAME")


@command("ls", example="liftlock schedules")
def ls(session: Session) -> int:
    """What runs by itself, and when next."""
    now = session.now()

    def row(one: "Schedule") -> Sequence[str]:
        when = _next(one, ago(one.next_due_at, now))
        return one.name, one.environment or "-", f"every {lasting(one.every_ms)}", when

    found = session.client.schedules.list()
    return listed(session.out, found, lambda one: one.name, ("NAME", "ENVIRONMENT", "", "NEXT"), row)


@command(example="liftlock schedules pause drift --note 'load test'")
@NAME
@NOTE
def pause(session: Session, name: str, note: str | None) -> int:
    """Leave a schedule alone until it is resumed."""
    return _said(session, session.client.schedules.pause(name, note))


@command(example="liftlock schedules resume drift")
@NAME
@NOTE
def resume(session: Session, name: str, note: str | None) -> int:
    """Go on with a paused schedule; what was missed is made up for once."""
    return _said(session, session.client.schedules.resume(name, note))


@command("run", example="liftlock schedules run drift")
@NAME
@NOTE
@WAITING
def run_now(session: Session, name: str, note: str | None, detach: bool, timeout: float | None) -> int:
    """Run a schedule now, paused or not."""
    waiting = Waiting(detach=detach, timeout=timeout)
    return asked(session, waiting, lambda: session.client.schedules.run(name, note))


def _said(session: Session, one: "Schedule") -> int:
    if session.out.json:
        session.out.document(one.raw)
    else:
        session.out.say(f"{one.name}: {_next(one, ago(one.next_due_at, session.now()))}")
    return Exit.DONE


def _next(one: "Schedule", due: str) -> str:
    return "paused" if one.paused else f"next {due}"


schedules = listing("schedules", (ls, pause, resume, run_now), "What runs by itself.")
