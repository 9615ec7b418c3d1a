"""Follows a job to its end: live lines on a terminal, one line an event and a heartbeat elsewhere.

Ctrl-C only detaches: whoever watches a migration must be able to look away without stopping it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.cli.exits import exit_of_job
from app.cli.failing import Detached, OutOfSight
from app.cli.progress import ended_steps, ending, heartbeat, live, news
from app.cli.saying import Sayings
from app.cli.session import Session

if TYPE_CHECKING:
    from app.client import LiftlockProblem
    from app.client.documents.jobs import Job

HEARTBEAT_S = 10
LIVE_POLL_S = 30
LISTEN_S = 1
"""How long a look may take where what the steps say is shown: that wakes nobody."""
TO_END_S = 1
"""A job that ends so soon is not worth a line that it has begun."""

Seen = Callable[["Job | None", "Job"], None]


def carried_out(session: Session, ask: Callable[[], "Job"], timeout_s: float | None = None) -> int:
    """Ask for a job, follow it and say how it ended. Raises Detached, StillGoing, OutOfSight, LiftlockProblem."""
    try:
        job = ask()
    except KeyboardInterrupt:
        raise Detached(None) from None
    for warning in job.raw.get("warnings", ()):
        session.out.complain(f"! {warning}")
    return told(session, followed(session, job, timeout_s))


def submitted(session: Session, ask: Callable[[], "Job"]) -> int:
    """Ask for a job, and only say which one it is."""
    job = ask()
    if session.out.json:
        session.out.document(job.raw)
    elif session.out.quiet:
        session.out.answer(job.id)
    else:
        session.out.say(f"{job.kind} in {job.environment}: job {job.id}")
        session.out.say(f"  liftlock jobs watch {job.id}")
    return 0


def told(session: Session, job: "Job") -> int:
    """How it ended, and the exit code for it."""
    out = session.out
    if out.json:
        out.document(job.raw)
    else:
        speak = out.say if job.state == "succeeded" else out.answer
        for line in ending(out, job):
            speak(line)
        speak(out.paint(f"  job {job.id}", dim=True))
    return int(exit_of_job(job.state, job.reason))


def followed(session: Session, job: "Job", timeout_s: float | None = None, every: Seen | None = None) -> "Job":
    """The job at its end. `every` is called with each change instead of printing it.

    Raises Detached, StillGoing, OutOfSight, ApiProblem.
    """
    from app.client import ENDED, Busy, ServiceFailed, Unreachable

    if job.state in ENDED and every is None:
        if not (session.out.json or session.out.quiet):
            for line in (*Sayings(session).of(job), *news(session.out, None, job)):
                session.out.say(line)
        return job
    try:
        with watched(session, every) as seen:
            return _follow(session, job, timeout_s, seen)
    except KeyboardInterrupt:
        raise Detached(job.id) from None
    except (Unreachable, ServiceFailed, Busy) as error:
        raise OutOfSight(job.id, error) from error


def _follow(session: Session, job: "Job", timeout_s: float | None, seen: "_Watch") -> "Job":
    from app.client import ENDED, StillGoing

    until = None if timeout_s is None else time.monotonic() + timeout_s
    looks, sayings = session.client.jobs.looks(job.id), Sayings(session)
    while looks.last is None or looks.last.state not in ENDED:
        before = looks.last
        look_s = LISTEN_S if seen.listens and (before or job).steps else seen.poll_s
        left = look_s if until is None else min(look_s, until - time.monotonic())
        if before is not None and left <= 0:
            raise StillGoing(before, timeout_s or 0)
        was_away = looks.away is not None
        found = looks.next(left)
        if seen.listens and looks.away is None:
            for line in sayings.of(found or before or job):
                seen.heard(line)
        if found is not None:
            seen.change(before, found)
        elif looks.away is None:
            seen.looked(before or job)
        elif not was_away:
            seen.away(looks.away)
    return looks.last


class _Watch:
    """Prints lines; `poll_s` is how long one look may take, `listens` whether what steps say is shown."""

    poll_s: float = HEARTBEAT_S
    listens = True

    def __init__(self, session: Session) -> None:
        self.session = session
        self._quiet_since = time.monotonic()

    def change(self, before: "Job | None", after: "Job") -> None:
        for line in news(self.session.out, before, after):
            self.heard(line)

    def heard(self, line: str) -> None:
        self._quiet_since = time.monotonic()
        self.session.out.say(line)

    def looked(self, job: "Job") -> None:
        """It is as it was before."""
        if not job.steps or time.monotonic() - self._quiet_since >= self.poll_s:
            self._quiet_since = time.monotonic()
            self.still(job)

    def still(self, job: "Job") -> None:
        self.session.out.say(heartbeat(job, self.session.now()))

    def away(self, problem: "LiftlockProblem") -> None:
        """The job goes on without the service; it is said where it disturbs nothing."""
        self.session.out.complain(f"… {problem}; the job goes on, asking again")


class _Told(_Watch):
    """Hands on what it sees."""

    listens = False

    def __init__(self, session: Session, every: Seen) -> None:
        super().__init__(session)
        self._every = every

    def change(self, before: "Job | None", after: "Job") -> None:
        self._every(before, after)

    def still(self, job: "Job") -> None:
        return


class _Silent(_Watch):
    poll_s = LIVE_POLL_S
    listens = False

    def change(self, before: "Job | None", after: "Job") -> None:
        return

    def still(self, job: "Job") -> None:
        return


class _Live(_Watch):
    """Two lines at the bottom that renew themselves; finished steps scroll up above them."""

    poll_s = LIVE_POLL_S

    def __init__(self, session: Session, print_above: Callable[[str], None]) -> None:
        super().__init__(session)
        self._print = print_above
        self.job: Job | None = None

    def change(self, before: "Job | None", after: "Job") -> None:
        self.job = after
        for line in ended_steps(self.session.out, before, after):
            self.heard(line)

    def heard(self, line: str) -> None:
        self._print(self.session.out.lettered(line))

    def still(self, job: "Job") -> None:
        self.job = job

    def away(self, problem: "LiftlockProblem") -> None:
        self._print(self.session.out.lettered(f"… {problem}; the job goes on, asking again"))

    def lines(self) -> str:
        if self.job is None:
            return ""
        two = live(self.job, self.session.now(), self.session.out.width - 1)
        return self.session.out.lettered("\n".join(two))


@contextmanager
def watched(session: Session, every: Seen | None = None) -> Iterator[_Watch]:
    """The way to show a job, as the output asks for it."""
    out = session.out
    if every is not None:
        yield _Told(session, every)
    elif out.json or out.quiet:
        yield _Silent(session)
    elif not out.terminal:
        yield _Watch(session)
    else:
        with _on_terminal(session) as watch:
            yield watch


@contextmanager
def _on_terminal(session: Session) -> Iterator[_Watch]:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(no_color=not session.out.colour, highlight=False)
    watch = _Live(session, lambda line: console.print(Text.from_ansi(line), soft_wrap=True))
    with Live(
        console=console,
        get_renderable=lambda: Text(watch.lines(), no_wrap=True, overflow="ellipsis"),
        refresh_per_second=4,
        transient=True,
    ):
        yield watch
