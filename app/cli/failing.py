"""Failures as three lines: what is the matter, why, and what to type; and as one JSON document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.cli.exits import Exit, exit_of_problem
from app.cli.out import Out
from app.cli.steps import as_typed, commands_in, in_words

if TYPE_CHECKING:
    from app.client import ApiProblem, LiftlockProblem


class CliError(Exception):
    """Something that this command cannot do, said in three lines."""

    def __init__(self, what: str, why: str, to_type: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(what)
        self.said = Said(what, why, to_type, code)


class Detached(Exception):
    """Ctrl-C while a job was watched: it goes on."""

    def __init__(self, job_id: str | None) -> None:
        super().__init__(job_id or "")
        self.job_id = job_id


class OutOfSight(Exception):
    """A job was watched until nobody answered any more: it goes on."""

    def __init__(self, job_id: str, error: "LiftlockProblem") -> None:
        super().__init__(str(error))
        self.job_id = job_id


@dataclass(frozen=True, slots=True)
class Said:
    """`slug`: of the page about it, where there is one; `document`: what the service answered."""

    what: str
    why: str
    to_type: str
    code: Exit
    slug: str | None = None
    document: Mapping[str, Any] = field(default_factory=dict)


def explained(error: BaseException) -> Said | None:
    """None for what is a bug of ours."""
    from app.client import ApiProblem, StillGoing, UnexpectedAnswer, Unreachable

    match error:
        case CliError():
            return error.said
        case ApiProblem():
            return _of_problem(error)
        case Unreachable():
            return Said(
                str(error), error.why, "liftlock doctor, or name another with --url or LIFTLOCK_URL", Exit.UNREACHABLE
            )
        case OutOfSight():
            why = f"job {error.job_id} goes on without it; how it ends is not known here"
            return Said(str(error), why, f"liftlock jobs watch {error.job_id}", Exit.UNREACHABLE)
        case StillGoing():
            job = error.job
            why = f"{job.kind} in {job.environment or 'Liftlock'} is {job.state}: {job.message or job.reason}"
            return Said(str(error), why, f"liftlock wait {job.id}", Exit.TIMED_OUT, document=job.raw)
        case UnexpectedAnswer():
            return Said("the answer is not understood", str(error), "liftlock doctor", Exit.UNREACHABLE)
        case Detached():
            return _detached(error.job_id)
        case KeyboardInterrupt():
            return Said("interrupted", "nothing is known to have been asked for", "liftlock jobs", Exit.DETACHED)
    return None


def bug(error: BaseException) -> Said:
    why = f"{type(error).__name__}: {error}"
    return Said("this command failed, which it should not", why, "the same again with -vv shows where", Exit.BUG)


def complain(out: Out, said: Said, *, details: bool = False) -> None:
    """With --json one document on standard output; else three lines, and with -v every problem that was found."""
    if out.json:
        out.document(_document(said))
        return
    goes_on = said.code in (Exit.DETACHED, Exit.TIMED_OUT)
    sign = out.paint("⏸", "yellow") if goes_on else out.paint("✕", "red")
    out.complain(f"{sign} {out.paint(said.what, bold=True)}")
    for line in out.wrapped(f"  {said.why}"):
        out.complain(line)
    out.complain(f"  {out.paint(said.to_type, 'cyan')}")
    for problem in said.document.get("problems", ()) if details else ():
        place = ":".join(str(problem[key]) for key in ("file", "line") if problem.get(key))
        where = problem.get("pointer") or problem.get("parameter") or place
        out.complain(f"    {where + ': ' if where else ''}{problem.get('message', '')}")


def _document(said: Said) -> Mapping[str, Any]:
    """The service's own problem, or one of the same shape."""
    mine = {
        "type": f"/problems/{said.slug}" if said.slug else "about:blank",
        "title": said.what,
        "detail": said.why,
        "nextSteps": [said.to_type],
    }
    return {**(said.document or mine), "exitCode": int(said.code)}


def _of_problem(problem: "ApiProblem") -> Said:
    typed = [as_typed(step) for step in problem.next_steps]
    commands = [one for step in problem.next_steps for one in commands_in(step)]
    code = exit_of_problem(problem.slug, problem.status)
    fallback = _FALLBACKS.get(problem.slug, "liftlock status")
    return Said(
        problem.title,
        in_words(" ".join(problem.detail.split())),
        "  or  ".join((commands or typed)[:2]) or fallback,
        code,
        problem.slug,
        problem.raw,
    )


_FALLBACKS = {"unauthenticated": "liftlock login", "forbidden": "liftlock whoami", "not-found": "liftlock env ls"}


def _detached(job_id: str | None) -> Said:
    if job_id is None:
        return Said("detached", "what was asked for may have been accepted", "liftlock jobs", Exit.DETACHED)
    watch, cancel = f"liftlock jobs watch {job_id}", f"liftlock jobs cancel {job_id}"
    what = "detached; the job goes on"
    document = {
        "type": "about:blank",
        "title": what,
        "detail": f"job {job_id} goes on; watch it, or cancel it",
        "nextSteps": [watch, cancel],
    }
    return Said(what, f"{watch}   to watch on", f"{cancel}   to stop it", Exit.DETACHED, document=document)
