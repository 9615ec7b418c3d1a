"""`liftlock drift`: whether a schema is as the last job left it."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from app.cli.command import command
from app.cli.differences import objects
from app.cli.exits import Exit, exit_of_job
from app.cli.options import ENVIRONMENT, TIMEOUT
from app.cli.out import Out, shown
from app.cli.session import Session
from app.cli.times import ago
from app.cli.watching import followed, told

if TYPE_CHECKING:
    from app.client.documents.drift import Drift


@command(example="liftlock drift production\nliftlock drift production --scan --sql")
@ENVIRONMENT
@click.option("--scan", is_flag=True, help="Look now, instead of telling the last look.")
@click.option("--sql", is_flag=True, help="Each object as SQL: as expected, and as found.")
@TIMEOUT
def drift(session: Session, environment: str | None, scan: bool, sql: bool, timeout: float | None) -> int:
    """Whether a schema is still as the last job left it.

    Exits with 3 when it has drifted. `liftlock adopt` takes what was changed into the history.
    """
    name = session.needed_environment(environment)
    if scan:
        job = followed(session, session.client.environments.scan(name), timeout)
        if job.state != "succeeded":
            told(session, job)
            return int(exit_of_job(job.state, job.reason))
    found = session.client.environments.drift(name)
    if session.out.json:
        session.out.document(found.raw)
    else:
        for line in _lines(session.out, found, session.now(), with_sql=sql):
            session.out.say(line)
    return Exit.DIFFERENCE if found.state == "drifted" else Exit.DONE


def _lines(out: Out, found: "Drift", now: datetime, *, with_sql: bool) -> Iterator[str]:
    looked = "never looked at" if found.checked_at is None else f"looked at {ago(found.checked_at, now)}"
    if found.state == "not_checked":
        yield f"{shown(out, found.state)}  {found.environment}: nobody has looked yet"
        yield f"    {out.paint(f'liftlock drift {found.environment} --scan', 'cyan')}"
        return
    yield from out.wrapped(f"{shown(out, found.state)}  {found.environment}: {found.message or looked}")
    yield out.paint(f"  {looked}", dim=True)
    if found.state != "drifted":
        return
    since = "" if found.first_seen_at is None else f", first seen {ago(found.first_seen_at, now)}"
    by = "" if found.recorded_by_job_id is None else f"; expected since job {found.recorded_by_job_id}"
    count = found.differences_total
    yield from out.wrapped(f"  {count} {'object differs' if count == 1 else 'objects differ'}{since}{by}", 4)
    sides = ((one.change, one.text, one.expected, one.found) for one in found.differences)
    yield from objects(out, sides, ("expected", "found"), with_sql=with_sql)
    if found.differences_total > len(found.differences):
        yield f"    … {found.differences_total - len(found.differences)} more"
    yield ""
    if not with_sql:
        yield f"    {out.paint(f'liftlock drift {found.environment} --sql', 'cyan')}"
    yield f"    {out.paint(f'liftlock adopt {found.environment}', 'cyan')}"
    if found.conflict_id is not None:
        yield f"    {out.paint(f'liftlock conflicts show {found.conflict_id}', 'cyan')}"
