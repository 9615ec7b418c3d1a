"""`liftlock mark`, `verify` and `adopt`: what is recorded, proven or taken over, rather than run."""

import click

from app.cli.command import command
from app.cli.conflicts import settle
from app.cli.exits import Exit
from app.cli.failing import CliError
from app.cli.options import ENVIRONMENT, NOTE, ON_BUSY, TIMEOUT, WAITING
from app.cli.out import shown
from app.cli.run import Waiting, asked
from app.cli.session import Session

IN = click.option("--environment", "-e", metavar="ENV", help="The configured one when left out.")


@command(example="liftlock mark applied create_orders -e staging\nliftlock mark baseline --to 0042 -e production")
@click.argument(
    "mark_as", type=click.Choice(["applied", "rolled_back", "baseline"]), metavar="applied|rolled_back|baseline"
)
@click.argument("names", nargs=-1, metavar="NAME…")
@click.option("--to", metavar="NAME", help="Of a baseline: up to and with this one; all when left out.")
@IN
@ON_BUSY
@NOTE
@WAITING
def mark(
    session: Session,
    mark_as: str,
    names: tuple[str, ...],
    to: str | None,
    environment: str | None,
    on_busy: str | None,
    note: str | None,
    detach: bool,
    timeout: float | None,
) -> int:
    """Record migrations as applied or rolled back without running them; a baseline begins a history."""
    where = session.environment(environment)
    return asked(
        session,
        Waiting(detach=detach, timeout=timeout),
        lambda: session.client.migrations.mark(mark_as, names, where, to, on_busy=on_busy, note=note),
    )


@command(example="liftlock verify staging\nliftlock verify staging create_orders")
@ENVIRONMENT
@click.argument("names", nargs=-1, metavar="[NAME…]")
@NOTE
@WAITING
def verify(
    session: Session,
    environment: str | None,
    names: tuple[str, ...],
    note: str | None,
    detach: bool,
    timeout: float | None,
) -> int:
    """Prove up, down and up again on a scratch database: all that is pending, or those named."""
    where = session.environment(environment)
    waiting = Waiting(detach=detach, timeout=timeout)
    return asked(session, waiting, lambda: session.client.migrations.verify(where, names, note))


@command(example="liftlock adopt production --note 'index made by hand during the incident'")
@ENVIRONMENT
@NOTE
@TIMEOUT
def adopt(session: Session, environment: str | None, note: str | None, timeout: float | None) -> int:
    """Take what was changed by hand into the history: a file is written for it, and recorded as applied.

    To take over a database without a history, `liftlock mark baseline`.
    """
    name = session.needed_environment(environment)
    found = session.client.environments.drift(name)
    if found.state == "drifted" and found.conflict_id is not None:
        return settle(session, found.conflict_id, "adopt_drift", note, timeout)
    if found.state == "not_checked":
        raise CliError(
            f"nobody has looked at {name} yet", "what is not seen cannot be adopted", f"liftlock drift {name} --scan"
        )
    if session.out.json:
        session.out.document(found.raw)
    else:
        session.out.say(f"{shown(session.out, found.state)}  {name}: there is nothing to adopt")
    return Exit.DONE
