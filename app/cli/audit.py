"""`liftlock audit` and `liftlock history`: who asked for what, and what came of it."""

from itertools import islice

import click

from app.cli.command import command
from app.cli.exits import Exit
from app.cli.failing import CliError
from app.cli.options import ENVIRONMENT
from app.cli.out import table
from app.cli.session import Session
from app.cli.steps import in_words
from app.cli.times import lasting, moment, since

LIMIT = click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")


@command(example="liftlock audit --since 24h\nliftlock audit --environment production --action migrations.run")
@click.option("--environment", metavar="ENV", help="All of them when left out.")
@click.option("--action", help="Such as migrations.run.")
@click.option("--principal", help="The id or the name of a token.")
@click.option("--since", "start", metavar="WHEN", help="24h, 7d, or a moment such as 2027-01-31T08:00Z.")
@LIMIT
def audit(
    session: Session,
    environment: str | None,
    action: str | None,
    principal: str | None,
    start: str | None,
    limit: int,
) -> int:
    """Who asked for what, newest first, with what was refused."""
    begin = None if start is None else since(start, session.now())
    if start is not None and begin is None:
        raise CliError(f"{start!r} is no moment", "--since takes 24h, 7d, or a moment of RFC 3339", "--since 24h")
    rows = session.client.access.audit(principal, action, environment, begin, min(limit, 500))
    found, out = list(islice(rows, limit)), session.out
    if out.json:
        out.document([one.raw for one in found])
    elif not found:
        out.say("nothing is on record here")
    else:
        lines = [
            (
                moment(one.at),
                one.refused or one.outcome,
                one.action,
                one.environment or "-",
                one.subject or "-",
                one.principal.name or one.principal.id,
            )
            for one in found
        ]
        for line in table(out, ("AT (UTC)", "OUTCOME", "ACTION", "ENVIRONMENT", "ABOUT", "WHO"), lines):
            out.say(line)
    return Exit.DONE


@command(example="liftlock history\nliftlock history production --migration create_orders")
@ENVIRONMENT
@click.option("--migration", metavar="NAME", help="Only what was done with this one.")
@LIMIT
def history(session: Session, environment: str | None, migration: str | None, limit: int) -> int:
    """What happened, newest first: what was done with migrations, and the jobs that were asked for."""
    entries = session.client.migrations.history(environment, migration, min(limit, 500))
    found, out = list(islice(entries, limit)), session.out
    if out.json:
        out.document([one.raw for one in found])
        return Exit.DONE
    rows = [
        (
            moment(one.at),
            one.state or one.event,
            one.environment or "-",
            f"{one.version or ''} {one.migration}".strip() if one.migration else one.event,
            "-" if one.duration_ms is None else lasting(one.duration_ms),
            one.by,
            in_words(one.message or one.reason or ""),
        )
        for one in found
    ]
    for line in table(out, ("AT (UTC)", "WHAT", "ENVIRONMENT", "OF", "TOOK", "WHO", ""), rows, states=1):
        out.say(line)
    return Exit.DONE
