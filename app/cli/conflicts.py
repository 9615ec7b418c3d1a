"""`liftlock conflicts`: what two runs, two files, or a file and a database disagree about."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from app.cli.command import command, listing
from app.cli.exits import Exit
from app.cli.failing import CliError
from app.cli.options import ENVIRONMENT, NOTE, TIMEOUT
from app.cli.out import Out, cut, shown
from app.cli.session import Session
from app.cli.times import ago, lasting, since
from app.cli.watching import carried_out

if TYPE_CHECKING:
    from app.client.documents.conflicts import Conflict


@command("ls", example="liftlock conflicts\nliftlock conflicts production --state all")
@ENVIRONMENT
@click.option("--state", type=click.Choice(["open", "resolved", "expired", "all"]), default="open", show_default=True)
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="At most so many.")
def ls(session: Session, environment: str | None, state: str, limit: int) -> int:
    """Conflicts, newest first."""
    found = session.client.conflicts.list(environment, None if state == "all" else state, limit)
    out = session.out
    if out.json:
        out.document([one.raw for one in found])
        return Exit.DONE
    if out.quiet:
        for one in found:
            out.answer(one.id)
        return Exit.DONE
    where = f" in {environment}" if environment else ""
    if not found:
        out.say(f"{shown(out, 'clean')}  no conflict is {'on record' if state == 'all' else state}{where}")
    for one in found:
        for line in _short(out, one, session.now()):
            out.say(line)
    return Exit.DONE


@command(example="liftlock conflicts show 0198…")
@click.argument("conflict_id", metavar="ID")
def show(session: Session, conflict_id: str) -> int:
    """One conflict: its evidence, and the ways out of it."""
    found = session.client.conflicts.get(conflict_id)
    if session.out.json:
        session.out.document(found.raw)
    else:
        for line in _long(session.out, found, session.now()):
            session.out.say(line)
    return Exit.DONE


@command(example="liftlock conflicts resolve 0198… accept_file --note 'comments only'")
@click.argument("conflict_id", metavar="ID")
@click.argument("resolution", metavar="RESOLUTION")
@click.option("--migration", metavar="NAME", help="Which one, where the conflict is about several.")
@click.option("--until", metavar="WHEN", help="For ignore_until: 2h from now, or a moment such as 2027-01-31T08:00Z.")
@NOTE
@TIMEOUT
def resolve(
    session: Session,
    conflict_id: str,
    resolution: str,
    migration: str | None,
    until: str | None,
    note: str | None,
    timeout: float | None,
) -> int:
    """Settle a conflict with one of its ways out.

    What only people can do outside is looked at, and closed when its cause is gone; what changes a ledger is a job.
    """
    return settle(session, conflict_id, resolution, note, timeout, migration, _moment(session, until))


def settle(
    session: Session,
    conflict_id: str,
    resolution: str,
    note: str | None,
    timeout: float | None,
    migration: str | None = None,
    until: datetime | None = None,
) -> int:
    """The closed record, or the job that does it, watched to its end."""
    answer = session.client.conflicts.resolve(conflict_id, resolution.replace("-", "_"), note, migration, until)
    if "steps" in answer.raw:
        from app.client.documents.jobs import Job

        assert isinstance(answer, Job)
        return carried_out(session, lambda: answer, timeout)
    if session.out.json:
        session.out.document(answer.raw)
    else:
        session.out.say(f"{shown(session.out, str(answer.raw['state']))}  {answer.raw['message']}")
    return Exit.DONE


def _moment(session: Session, text: str | None) -> datetime | None:
    if text is None:
        return None
    now = session.now()
    at = since(text, now)
    if at is None:
        raise CliError(f"{text!r} is no moment", "--until takes 2h, 3d, or a moment of RFC 3339", "--until 24h")
    # `2h` is meant forward here
    return now + (now - at) if at < now and not text[:4].isdecimal() else at


def _short(out: Out, one: "Conflict", now: datetime) -> Iterator[str]:
    where = f" in {one.environment}" if one.environment else ""
    times = f", {one.count} times" if one.count > 1 else ""
    title = f"{one.kind.replace('_', ' ')}{where}"
    yield f"{shown(out, one.state)}  {out.paint(title, bold=True)}  {ago(one.last_seen_at, now)}{times}"
    yield f"    {cut(one.message, out.width - 4)}"
    yield f"    {out.paint(f'liftlock conflicts show {one.id}', 'cyan')}"


def _long(out: Out, one: "Conflict", now: datetime) -> Iterator[str]:
    where = f" in {one.environment}" if one.environment else ""
    yield f"{shown(out, one.state)}  {out.paint(one.kind.replace('_', ' ') + where, bold=True)}"
    yield from out.wrapped(f"  {one.message}")
    times = f", {one.count} times in all" if one.count > 1 else ""
    seen = f"first seen {ago(one.first_seen_at, now)}, last {ago(one.last_seen_at, now)}{times}"
    yield out.paint(f"  {seen}", dim=True)
    if one.migrations:
        yield f"  migrations: {', '.join(one.migrations)}"
    for name, job_id in (("job", one.job_id), ("other job", one.other_job_id)):
        if job_id:
            yield f"  {name}: {job_id}"
    if one.waited_ms is not None:
        yield f"  waited: {lasting(one.waited_ms)}"
    for name, value in one.evidence.items():
        yield from _evidence(out, name, value)
    if one.resolved_at is not None:
        by = f" by {one.resolved_by}" if one.resolved_by else ""
        until = f" ({one.ignored_until:%Y-%m-%d %H:%M} UTC)" if one.ignored_until else ""
        yield f"  settled {ago(one.resolved_at, now)}{by}: {one.resolution}{until}{f', {one.note}' if one.note else ''}"
    elif one.remedies:
        yield ""
        yield "  Ways out"
        for remedy in one.remedies:
            yield from out.wrapped(f"    {out.paint(remedy.resolution, bold=True)}  {remedy.description}", 6)
            if remedy.command is not None:
                yield f"      {out.paint(f'liftlock conflicts resolve {one.id} {remedy.resolution}', 'cyan')}"


def _evidence(out: Out, name: str, value: object) -> Iterator[str]:
    """A list of things that have several facts, one a line; anything else on one."""
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        yield f"  {out.paint(name, dim=True)}:"
        yield from (f"    {cut(_plainly(one), out.width - 4)}" for one in value)
        return
    yield f"  {out.paint(name, dim=True)}: {cut(_plainly(value), out.width - len(name) - 4)}"


def _plainly(value: object) -> str:
    """As people write it: what a thing says of itself, else its facts."""
    match value:
        case {"text": text}:
            return str(text)
        case dict():
            return ", ".join(f"{name} {_plainly(one)}" for name, one in value.items() if one is not None)
        case list():
            return ", ".join(map(_plainly, value))
        case _:
            return "-" if value is None else str(value)


conflicts = listing(
    "conflicts", (ls, show, resolve), "What two runs, two files, or a file and a database disagree about."
)
