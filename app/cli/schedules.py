"""`liftlock schedules`: what runs by itself."""

from typing import TYPE_CHECKING

import click

from app.cli.command import command, listing
from app.cli.exits import Exit
from app.cli.options import NOTE, WAITING
from app.cli.out import table
from app.cli.run import Waiting, asked
from app.cli.session import Session
from app.cli.times import ago, lasting

if TYPE_CHECKING:
    from app.client.documents.schedules import Schedule

NAME = click.argument("name", metavar="NAME")


@command("ls", example="liftlock schedules")
def ls(session: Session) -> int:
    """What runs by itself, and when next."""
    found, out = session.client.schedules.list(), session.out
    if out.json:
        out.document([one.raw for one in found])
    elif out.quiet:
        for one in found:
            out.answer(one.name)
    else:
        now = session.now()
        rows = [
            (one.name, one.environment or "-", f"every {lasting(one.every_ms)}", _next(one, ago(one.next_due_at, now)))
            for one in found
        ]
        for line in table(out, ("NAME", "ENVIRONMENT", "", "NEXT"), rows):
            out.say(line)
    return Exit.DONE


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
