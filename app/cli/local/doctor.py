"""`liftlock doctor`: what is wrong with a set-up, and how to put it right."""

import stat
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.command import command
from app.cli.exits import Exit
from app.cli.failing import CliError
from app.cli.local.finding import Finding, bad, good, passed_over
from app.cli.out import Out
from app.cli.session import Session

if TYPE_CHECKING:
    from app.client.documents.environments import Environment

MOST_SKEW_S = 5
MOST_LATE_S = 300


@command(example="liftlock doctor\nliftlock doctor --json | jq '.[] | select(.ok == false)'")
def doctor(session: Session) -> int:
    """Find what is wrong with a set-up, and say the fix.

    The configuration, the service and its servers, the token, workers, clocks, environments, the migrations folder;
    and what DATABASE_URL and REDIS_URL name, where they are set. Exits with 3 when something is wrong, and with 9
    when no service answers.
    """
    found: list[Finding] = []
    for one in _findings(session):
        found.append(one)
        for line in _lines(session.out, one):
            session.out.say(line)
    if session.out.json:
        session.out.document([{"about": one.about, "ok": one.ok, "says": one.says, "fix": one.fix} for one in found])
    wrong = [one for one in found if one.ok is False]
    session.out.say(f"\n{len(wrong)} wrong" if wrong else "\nNothing is wrong.")
    if any(one.about == "service" for one in wrong):
        return Exit.UNREACHABLE
    return Exit.DIFFERENCE if wrong else Exit.DONE


def _findings(session: Session) -> Iterator[Finding]:
    try:
        settings = session.settings
    except CliError as broken:
        yield bad("configuration", broken.said.why, "correct that file")
        return
    yield good("configuration", f"service {settings.url} ({settings.found['url'].origin})")
    yield from _secrets(session)
    yield from _environments(session)
    yield from _service(session)
    yield from _folder(session)
    yield from _servers(session)


def _secrets(session: Session) -> Iterator[Finding]:
    file = session.place.tokens_file
    if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077:
        yield bad("token file", f"{file} can be read by others", f"chmod 600 {file}")


def _environments(session: Session) -> Iterator[Finding]:
    """Of the file that a service started here would read."""
    from app.cli.local.environments_file import DEFAULT_NAME, problems_in

    named = session.place.environ.get("LIFTLOCK_CONFIG", "")
    file = session.place.folder / (named or DEFAULT_NAME)
    if not file.is_file():
        if named not in ("", "-"):
            said = f"LIFTLOCK_CONFIG names {file}, and there is no such file"
            yield bad("configuration", said, "correct it, or take it away: a service does not start with it")
        return
    try:
        problems = problems_in(file)
    except (OSError, ValueError) as error:
        problems = [f"{file}: {error}"]
    for problem in problems[:5]:
        yield bad(file.name, problem, "correct it: a service does not start with it")


def _service(session: Session) -> Iterator[Finding]:
    from app.client import ApiProblem, UnexpectedAnswer, Unreachable

    try:
        now, version = session.client.service.clock(), session.client.service.version()
    except Unreachable as away:
        yield bad("service", f"{away}: {away.why}", "liftlock up, or name the right one in LIFTLOCK_URL")
        return
    except (ApiProblem, UnexpectedAnswer) as other:
        yield bad("service", f"{session.settings.url} is no Liftlock: {other}", "name the right one in LIFTLOCK_URL")
        return
    yield good("service", f"Liftlock {version.version} answers")
    yield from _clock(now, session.now())
    for check in session.client.service.ready().checks:
        fix = f"look into the service's log, and whether its {check.name} runs"
        yield good(check.name, f"the service says: {check.detail}") if check.ok else bad(check.name, check.detail, fix)
    yield from _caller(session)


def _clock(service: datetime | None, here: datetime) -> Iterator[Finding]:
    if service is None:
        return
    skew = abs((here - service).total_seconds())
    if skew <= MOST_SKEW_S:
        yield good("clock", "the service's clock agrees with this one")
    else:
        yield bad("clock", f"the service's clock is {skew:.0f} s away from this one's", "run an NTP client on both")


def _caller(session: Session) -> Iterator[Finding]:
    from app.client import LiftlockProblem, NotAllowed

    origin = session.settings.found["token"].origin
    try:
        who = session.client.access.whoami()
    except NotAllowed as refused:
        said = "no token is known here" if session.settings["token"] is None else f"the token of {origin} is refused"
        yield bad("token", f"{said}: {refused.detail}", "liftlock login")
        return
    if who.auth == "off":
        yield good("token", "this service asks nobody for one")
    else:
        yield good("token", f"{who.principal.name or who.principal.id}, {who.role or ', '.join(who.scopes)}")
    if who.read_only:
        yield passed_over("read-only", "this service makes no changes (LIFTLOCK_READ_ONLY)")
    try:
        yield _workers(session.client.service.processes())
        yield from _schedules(session.client.service.overdue_s())
        environments = session.client.environments.list(with_status=True)
        for environment in environments:
            yield _environment(environment)
        yield from _notified(session, environments)
    except LiftlockProblem as problem:
        yield bad("environments", str(problem), "liftlock whoami")


def _workers(alive: Mapping[str, int]) -> Finding:
    count = alive.get("worker", 0)
    if count:
        return good("workers", f"{count} {'process says' if count == 1 else 'processes say'} that they live")
    why = "none has said within 30 s that it lives; jobs are accepted and wait"
    return bad("workers", why, "celery --app worker.celery worker, with the service's own settings; or liftlock up")


def _schedules(overdue_s: float) -> Iterator[Finding]:
    """Beat says nothing of itself: it shows in what is due and has not begun."""
    if overdue_s > MOST_LATE_S:
        why = f"what runs by itself has been due for {overdue_s:.0f} s and has not begun: beat does not run"
        yield bad("schedules", why, "python -m worker.beat, with the service's own settings; or liftlock up")


def _notified(session: Session, environments: Sequence["Environment"]) -> Iterator[Finding]:
    """A name that no webhook has is told nothing, and nobody would ever know."""
    told = [(one.name, name) for one in environments for name in one.notify or ()]
    known = {one.name for one in session.client.webhooks.list()} if told else set()
    for environment, name in told:
        if name not in known:
            why = f"its `notify` names {name}, and no webhook is called that"
            yield bad(f"environment {environment}", why, f"liftlock webhook add {name} URL, or correct `notify`")


def _environment(one: "Environment") -> Finding:
    about = f"environment {one.name}"
    if one.removed is not None:
        fix = f"put it back into liftlock.toml and start again, or liftlock env rm {one.name} --confirm {one.name}"
        return bad(about, one.removed.message, fix)
    if one.unusable is not None:
        return bad(about, one.unusable, f"liftlock env put {one.name} --set KEY=VALUE, or correct liftlock.toml")
    if one.status is None or one.status.sync.state == "unknown":
        why = one.status.sync.message if one.status else "nobody could look"
        return bad(about, why, f"liftlock env show {one.name}")
    if one.recorded_environment not in (None, one.name):
        said = f"its database was set up as {one.recorded_environment}"
        return bad(
            about, said, f"correct its url, or liftlock env claim {one.name} --confirm {one.recorded_environment}"
        )
    return good(about, f"its database answers; {one.status.sync.message}")


def _folder(session: Session) -> Iterator[Finding]:
    from app.cli.local.folder import problems_of, read_folder, said

    found = session.settings.found["migrations"]
    folder = session.place.folder / Path(found.value or "migrations")
    if not folder.is_dir() and found.origin == "default":
        yield passed_over("migrations", f"there is no folder {folder} here, so no files were looked at")
        return
    if not folder.is_dir():
        yield bad(
            "migrations",
            f"there is no folder {folder} ({found.origin})",
            "liftlock new NAME, or set LIFTLOCK_MIGRATIONS",
        )
        return
    catalog = read_folder(folder)
    problems = problems_of(catalog)
    for problem in problems[:5]:
        yield bad("migrations", said(problem), "liftlock lint")
    if not problems:
        yield good("migrations", f"{len(catalog.migrations)} in {folder}")


def _servers(session: Session) -> Iterator[Finding]:
    from app.cli.local.servers import look_at_database, look_at_redis

    for name, variable, look in (
        ("database_url", "DATABASE_URL", look_at_database),
        ("redis_url", "REDIS_URL", look_at_redis),
    ):
        address = session.settings[name]
        if address is None:
            yield passed_over(variable, "is not set here, so it was not looked at from here")
        else:
            yield from look(address)


def _lines(out: Out, one: Finding) -> Iterator[str]:
    sign = {True: out.paint("✓", "green"), False: out.paint("✕", "red"), None: out.paint("·", dim=True)}[one.ok]
    yield f"{sign} {one.about}: {one.says}"
    if one.fix is not None:
        yield f"    {out.paint(one.fix, 'cyan')}"
