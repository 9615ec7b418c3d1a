"""`liftlock check` and `liftlock wait`: for scripts, which branch on the exit code."""

import time
from typing import TYPE_CHECKING

import click

from app.cli.command import command
from app.cli.exits import Exit
from app.cli.failing import CliError
from app.cli.options import ENVIRONMENT, TIMEOUT, Seconds
from app.cli.out import shown
from app.cli.session import Session
from app.cli.steps import in_words
from app.cli.watching import followed, told

if TYPE_CHECKING:
    from app.client.documents.environments import EnvironmentStatus

BETWEEN_LOOKS_S = 1.0


@command(example="liftlock check production\nliftlock check staging --wait 60s && deploy")
@ENVIRONMENT
@click.option("--wait", "wait_s", type=Seconds(), default=0.0, help="Keep looking for so long, such as 60s.")
@click.option("--no-drift", is_flag=True, help="Whatever the schema's drift is.")
def check(session: Session, environment: str | None, wait_s: float, no_drift: bool) -> int:
    """Whether an environment is in sync, not drifted, and without a failed job at its end.

    0: it is. 3: something is pending or has drifted. 4: files and history disagree. 5: its last job failed.
    9: no service has answered all the while. 124: it is being worked on, and the time is over.
    """
    from app.client import ServiceFailed, Unreachable

    name = session.needed_environment(environment)
    until = time.monotonic() + wait_s
    while True:
        try:
            status = session.client.environments.status(name)
            code = _judged(status, drift_counts=not no_drift)
            if code == Exit.DONE or time.monotonic() + BETWEEN_LOOKS_S > until:
                break
        except (Unreachable, ServiceFailed):
            # a service that is started again is no answer yet
            if time.monotonic() + BETWEEN_LOOKS_S > until:
                raise
        time.sleep(BETWEEN_LOOKS_S)
    if session.out.json:
        session.out.document({**status.raw, "exitCode": int(code)})
        return code
    for state, message in _axes(status):
        session.out.say(f"{shown(session.out, state)}  {in_words(message)}")
    return code


@command(example="liftlock wait 0198…\nliftlock wait 0198… --timeout 5m")
@click.argument("job_id", metavar="JOB")
@TIMEOUT
def wait(session: Session, job_id: str, timeout: float | None) -> int:
    """Wait for a job to end. The exit code is that of the job, or 124 when the time is over."""
    return told(session, followed(session, session.client.jobs.get(job_id), timeout))


def _judged(status: "EnvironmentStatus", *, drift_counts: bool) -> Exit:
    if status.sync.state == "unknown":
        why = status.sync.message
        raise CliError("its database cannot be read", why, f"liftlock env show {status.environment}", Exit.UNREACHABLE)
    if status.running_job is not None or status.open_jobs:
        return Exit.TIMED_OUT
    if status.sync.state == "diverged":
        return Exit.CONFLICT
    if status.last_job is not None and status.last_job.state in ("failed", "needs_attention"):
        return Exit.JOB_FAILED
    drifted = drift_counts and status.drift.state == "drifted"
    return Exit.DIFFERENCE if drifted or status.sync.state != "in_sync" else Exit.DONE


def _axes(status: "EnvironmentStatus") -> list[tuple[str, str]]:
    job = status.running_job or status.last_job
    last = [] if job is None else [(job.state, f"{job.kind}: {job.message or job.reason}")]
    return [(status.sync.state, status.sync.message), (status.drift.state, status.drift.message), *last]
