"""`liftlock jobs`: what was asked, how far it is, how it ended."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import click

from app.cli.command import Speaking, command, listing
from app.cli.exits import Exit
from app.cli.failing import CliError
from app.cli.lists import listed
from app.cli.options import ENVIRONMENT, NOTE, TIMEOUT
from app.cli.out import Out, shown
from app.cli.progress import ending, step_line
from app.cli.session import Session
from app.cli.times import ago, clock, lasting
from app.cli.watching import carried_out, followed, told

if TYPE_CHECKING:
    from app.client.documents.jobs import Job, LockSample, LockSession

STATES = ("queued", "waiting", "running", "succeeded", "failed", "cancelled", "needs_attention")
ID = click.argument("job_id", metavar="JOB")


@command("ls", example="liftlock jobs\nliftlock jobs production --state failed --limit 5")
@ENVIRONMENT
@click.option("--state", type=click.Choice(STATES))
@click.option("--kind", help="run, rollback, reset, sync, mark, verify, scan …")
@click.option("--idle", is_flag=True, help="Also periodic jobs that came to nothing.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")
def ls(session: Session, environment: str | None, state: str | None, kind: str | None, idle: bool, limit: int) -> int:
    """Jobs, newest first."""
    found = list(islice(session.client.jobs.list(environment, kind, state, idle, min(limit, 500)), limit))
    now = session.now()

    def row(job: "Job") -> Sequence[str]:
        asked = ago(job.created_at, now)
        return job.state, job.id, job.kind, job.environment or "-", asked, _took(job), job.message

    heads = ("STATE", "JOB", "KIND", "ENVIRONMENT", "ASKED", "TOOK", "")
    return listed(session.out, found, lambda job: job.id, heads, row, states=0, none="no job is on record here")


@command(example="liftlock jobs show 0198…")
@ID
def show(session: Session, job_id: str) -> int:
    """One job with its steps."""
    job = session.client.jobs.get(job_id)
    if session.out.json:
        session.out.document(job.raw)
    else:
        for line in _job(session.out, job):
            session.out.say(line)
    return Exit.DONE


@command(example="liftlock jobs watch 0198…\nliftlock jobs watch 0198… --json   # a line of JSON for each change")
@ID
@TIMEOUT
def watch(session: Session, job_id: str, timeout: float | None) -> int:
    """Follow a job to its end. Ctrl-C detaches, and never cancels."""
    if session.out.json:
        from app.cli.exits import exit_of_job

        ended = followed(
            session, session.client.jobs.get(job_id), timeout, lambda _, job: session.out.line_of_json(job.raw)
        )
        return exit_of_job(ended.state, ended.reason)
    return told(session, followed(session, session.client.jobs.get(job_id), timeout))


@command(example="liftlock jobs log 0198…")
@ID
def log(session: Session, job_id: str) -> int:
    """What the job wrote while it ran, as text."""
    from app.client import ApiProblem, NotFound

    try:
        text = session.client.jobs.log(job_id)
    except NotFound as missing:
        # a job that is not there is told from a service that keeps no log
        session.client.jobs.get(job_id)
        raise CliError(
            "this service keeps no log of jobs", missing.detail, f"liftlock jobs show {job_id}", Exit.USAGE
        ) from None
    except ApiProblem:
        raise
    if session.out.json:
        session.out.document({"job": job_id, "log": text.splitlines()})
    else:
        session.out.answer(text.rstrip("\n"))
    return Exit.DONE


@command(example="liftlock jobs locks 0198…")
@ID
def locks(session: Session, job_id: str) -> int:
    """Who stood in whose way while the job ran."""
    found = session.client.jobs.locks(job_id)
    out = session.out
    if out.json:
        out.document([one.raw for one in found])
        return Exit.DONE
    if not found:
        out.say("nobody stood in anybody's way")
    for sample in found:
        for line in _sample(out, sample):
            out.say(line)
    return Exit.DONE


@command(example="liftlock jobs approvals 0198…")
@ID
def approvals(session: Session, job_id: str) -> int:
    """Who has approved a job, or rejected it."""
    found = session.client.jobs.approvals(job_id)
    if session.out.json:
        session.out.document([one.raw for one in found])
    elif not found:
        session.out.say("nobody has voted")
    for vote in () if session.out.json else found:
        verb = "approved" if vote.approved else "rejected"
        note = f": {vote.note}" if vote.note else ""
        session.out.say(f"{clock(vote.at)}  {vote.principal.name or vote.principal.id} {verb}{note}")
    return Exit.DONE


@command(example="liftlock jobs retry 0198…")
@ID
@TIMEOUT
def retry(session: Session, job_id: str, timeout: float | None) -> int:
    """Ask for the same once more, as a new job, and watch it."""
    return carried_out(session, lambda: session.client.jobs.retry(job_id), timeout)


@command(example="liftlock jobs approve 0198… --note 'looked at the plan'")
@ID
@NOTE
def approve(session: Session, job_id: str, note: str | None) -> int:
    """Approve what a job would run, as somebody else than who asked."""
    return _said(session, session.client.jobs.approve(job_id, note))


@command(example="liftlock jobs reject 0198… --note 'not on a Friday'")
@ID
@NOTE
def reject(session: Session, job_id: str, note: str | None) -> int:
    """Say no to a job that waits for approval; it is over then."""
    return _said(session, session.client.jobs.reject(job_id, note))


def _control(name: str, says: str) -> Speaking:
    def callback(session: Session, job_id: str) -> int:
        ask: Callable[[str], Job] = getattr(session.client.jobs, name)
        return _said(session, ask(job_id))

    callback.__doc__ = says
    return command(name, example=f"liftlock jobs {name} 0198…")(ID(callback))


def _said(session: Session, job: "Job") -> int:
    """What has become of it; asking was all there was to do."""
    if session.out.json:
        session.out.document(job.raw)
    else:
        session.out.say(
            f"{shown(session.out, job.state)}  {job.kind} in {job.environment}: {job.message or job.reason}"
        )
    return Exit.DONE


def _job(out: Out, job: "Job") -> Iterator[str]:
    if job.finished_at is None:
        yield f"{shown(out, job.state)}  {job.kind} in {job.environment}: {job.message or job.reason}"
    else:
        yield from ending(out, job)
    who = job.principal.name or job.principal.id
    yield out.paint(f"  job {job.id}, asked by {who} at {clock(job.created_at)} UTC, attempt {job.attempt}", dim=True)
    if job.note:
        yield f"  note: {job.note}"
    if job.retry_of:
        yield f"  again for {job.retry_of}"
    if job.approvals_needed:
        yield f"  needs {job.approvals_needed} approvals: liftlock jobs approve {job.id}"
    yield from (f"  {step_line(out, step)}" for step in job.steps)


def _sample(out: Out, sample: "LockSample") -> Iterator[str]:
    wanted = f" for {sample.mode} on {sample.relation}" if sample.mode else ""
    yield (
        f"{clock(sample.at)}  pid {sample.pid} waits{wanted}"
        if sample.blockers
        else f"{clock(sample.at)}  pid {sample.pid}"
    )
    for word, sessions in (("held by", sample.blockers), ("waiting for us", sample.blocked)):
        yield from (f"    {word}  {_session(one)}" for one in sessions)


def _session(one: "LockSession") -> str:
    who = "/".join(part for part in (one.user, one.application) if part)
    return f"pid {one.pid} ({who or 'unknown'}) {one.state or ''}: {' '.join((one.query or '').split())[:80]}".rstrip(
        ": "
    )


def _took(job: "Job") -> str:
    return "-" if job.duration_ms is None else lasting(job.duration_ms)


cancel = _control("cancel", "Stop a job: a running statement is interrupted, and its step rolled back.")
pause = _control("pause", "Let a job go no further for now; what is under way is finished first.")
resume = _control("resume", "Let a paused job go on.")
jobs = listing(
    "jobs",
    (ls, show, watch, log, locks, approvals, cancel, pause, resume, retry, approve, reject),
    "What was asked, how far it is, how it ended.",
)
