"""`liftlock audit` and `liftlock history`: who asked for what, and what came of it."""

from itertools import islice

import click

from app.cli.command import command
from app.cli.exits import Exit
from app.cli.failing import CliError
from app.cli.options import ENVIRONMENT
from app.cli.out import table
from app.cli.session import Session
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


@command(example="liftlock history\nliftlock history production --limit 10")
@ENVIRONMENT
@LIMIT
def history(session: Session, environment: str | None, limit: int) -> int:
    """What happened: the jobs that have ended, newest first, with who asked for them."""
    every = session.client.jobs.list(environment, limit=min(limit, 500))
    found = list(islice((job for job in every if job.finished_at is not None), limit))
    out = session.out
    if out.json:
        out.document([job.raw for job in found])
        return Exit.DONE
    rows = [
        (
            moment(job.finished_at),
            job.state,
            job.kind,
            job.environment or "-",
            job.principal.name or job.principal.id,
            "-" if job.duration_ms is None else lasting(job.duration_ms),
            job.message,
        )
        for job in found
    ]
    for line in table(out, ("ENDED (UTC)", "STATE", "KIND", "ENVIRONMENT", "WHO", "TOOK", ""), rows, states=1):
        out.say(line)
    return Exit.DONE
