"""`liftlock env`: what environments are, and how they are registered, guarded and claimed."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.command import command, listing
from app.cli.exits import Exit
from app.cli.failing import CliError
from app.cli.lists import listed
from app.cli.options import NOTE
from app.cli.out import Out, shown
from app.cli.session import Session
from app.cli.steps import in_words
from app.cli.times import lasting, moment

if TYPE_CHECKING:
    from app.client.documents.environments import Environment, Guarded, RemovedEnvironment

NAME = click.argument("name", metavar="ENV")
VERSION = click.option(
    "--version", "version", type=int, metavar="N", help="Only while this is the version that stands."
)


@command("ls", example="liftlock env ls\nliftlock env ls --json")
def ls(session: Session) -> int:
    """Every environment, without asking its database."""

    def row(one: "Environment") -> Sequence[str]:
        after = ", ".join(one.requires) or "-"
        default = shown(session.out, one.state) if one.state != "configured" else "default" if one.is_default else ""
        address = f"{len(one.targets)} targets: liftlock env show {one.name}" if one.targets else one.address
        return one.name, one.protection, after, "-" if one.unusable else address, default

    heads = ("NAME", "PROTECTION", "AFTER", "ADDRESS", "")
    return listed(session.out, session.client.environments.list(), lambda one: one.name, heads, row)


@command(example="liftlock env show production")
@NAME
def show(session: Session, name: str) -> int:
    """What the configuration says of one, and where it stands."""
    found = session.client.environments.get(name, with_status=True)
    if session.out.json:
        session.out.document(found.raw)
    else:
        for line in _lines(session.out, found):
            session.out.say(line)
    return Exit.DONE


@command(example="liftlock env status production --json")
@NAME
def status(session: Session, name: str) -> int:
    """The three axes: files against ledger, the schema, the last job."""
    found = session.client.environments.status(name)
    out = session.out
    if out.json:
        out.document(found.raw)
        return Exit.DONE
    out.say(f"{shown(out, found.sync.state)}  {found.sync.message}")
    out.say(f"{shown(out, found.drift.state)}  {in_words(found.drift.message)}")
    job = found.running_job or found.last_job
    out.say("no job yet" if job is None else f"{shown(out, job.state)}  {job.kind}: {job.message}  job {job.id}")
    for one in found.targets:
        out.say(f"  {one.environment}  {shown(out, one.sync.state)}  {shown(out, one.drift.state)}")
    return Exit.DONE


@command(
    example="liftlock env put qa --set url=env:QA_URL --set protection=confirm\nliftlock env put qa --file qa.json"
)
@NAME
@click.option("--set", "given", multiple=True, metavar="KEY=VALUE", help="A key of liftlock.toml; JSON or a text.")
@click.option("--file", "file", type=click.Path(dir_okay=False, path_type=Path), help="All keys as one JSON document.")
@VERSION
def put(session: Session, name: str, given: tuple[str, ...], file: Path | None, version: int | None) -> int:
    """Register an environment, or change one that is registered.

    With --set, what is registered stays as it is but for the keys that are given. Addresses hold no password: name a
    variable or a file of the service (env:NAME, file:PATH).
    """
    document = _from_file(file) if file is not None else _registered(session, name)
    document |= dict(_pair(one) for one in given)
    if not document:
        raise CliError(
            "nothing is said of it", "--set and --file say what it is", f"liftlock env put {name} --set url=…"
        )
    done = session.client.environments.put(name, document, version)
    if session.out.json:
        session.out.document(done.raw)
    else:
        session.out.say(f"{shown(session.out, 'succeeded')}  {done.name} is registered, version {done.version}")
    return Exit.DONE


@command("rm", example="liftlock env rm qa --confirm qa")
@NAME
@click.option("--confirm", metavar="ENV", help="Its name again, where it has a history.")
@VERSION
def rm(session: Session, name: str, confirm: str | None, version: int | None) -> int:
    """Forget a registered environment, or one that is no longer in liftlock.toml; its database stays as it is.

    Jobs that wait in one that was taken out of the file are cancelled.
    """
    session.client.environments.remove(name, confirm, version)
    if session.out.json:
        session.out.document({"environment": name, "removed": True})
    else:
        session.out.say(f"{shown(session.out, 'succeeded')}  {name} is forgotten; its database is as it was")
    return Exit.DONE


@command(example="liftlock env unlock production --confirm production --note 'incident 12'")
@NAME
@click.option("--confirm", metavar="ENV", help="Its name again.")
@NOTE
def unlock(session: Session, name: str, confirm: str | None, note: str | None) -> int:
    """Protect one a step less for a quarter of an hour."""
    return _guarded(session, session.client.environments.unlock(name, confirm, note))


@command(example="liftlock env lock production")
@NAME
@NOTE
def lock(session: Session, name: str, note: str | None) -> int:
    """Protect an unlocked one again, before its time is over."""
    return _guarded(session, session.client.environments.lock(name, note))


@command(example="liftlock env claim playground --confirm production")
@NAME
@click.option("--confirm", metavar="ENV", help="The name that its database has on record.")
@NOTE
def claim(session: Session, name: str, confirm: str | None, note: str | None) -> int:
    """Take a database that was set up as another environment, such as a copy of production."""
    return _guarded(session, session.client.environments.claim(name, confirm, note))


def _guarded(session: Session, found: "Guarded") -> int:
    if session.out.json:
        session.out.document(found.raw)
    else:
        until = f" until {moment(found.unlocked_until)} UTC" if found.unlocked_until else ""
        session.out.say(f"{found.environment} is protected as {found.protection}{until}")
    return Exit.DONE


def _registered(session: Session, name: str) -> dict[str, Any]:
    from app.client import NotFound

    try:
        return dict(session.client.environments.registration(name).document)
    except NotFound:
        return {}


def _from_file(file: Path) -> dict[str, Any]:
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CliError(f"{file} cannot be read", str(error), "a JSON document such as {…}", Exit.BUG) from None
    if not isinstance(read, dict):
        raise CliError(
            f"{file} holds no document", "it takes the keys of a table of liftlock.toml", '{"url": "env:QA"}'
        )
    return read


def _pair(given: str) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    if not equals or not name:
        raise CliError(f"--set {given} is no pair", "it takes KEY=VALUE", "--set protection=confirm")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _lines(out: Out, one: "Environment") -> Iterator[str]:
    yield out.paint(f"{one.name}{' (default)' if one.is_default else ''}", bold=True)
    if one.removed is not None:
        yield from _left(out, one, one.removed)
        return
    if one.unusable is not None:
        yield f"  {'state':<11} {shown(out, one.state)}"
        yield from out.wrapped(f"  {one.unusable}")
        yield f"  {out.paint(f'liftlock env put {one.name} --set KEY=VALUE', 'cyan')}"
        return
    facts = {} if one.targets else {"address": one.address, "schema": one.scope or "the whole database"}
    facts |= {
        "protection": _protection(one),
        "on drift": one.on_drift,
        "on failure": one.on_failure,
        "consent": ", ".join(one.consent) or "none",
        "requires": ", ".join(one.requires) + (f" for {lasting(one.soak_ms)}" if one.soak_ms else "") or "nothing",
        "approvals": str(one.approvals),
        "notify": "all that want to" if one.notify is None else ", ".join(one.notify) or "nobody",
        "proofs": "required" if one.require_proof else "not required",
        "windows": f"{len(one.windows.allow)} allow, {len(one.windows.deny)} deny"
        if one.windows.allow or one.windows.deny
        else "always open",
    }
    yield from (f"  {name:<11} {value}" for name, value in facts.items())
    for target in one.targets:
        scope = f"  schema {target.scope}" if target.scope else ""
        yield f"  {'target':<11} {target.name}  {target.address}{scope}"
    if one.status is not None:
        yield f"  {'sync':<11} {shown(out, one.status.sync.state)}  {one.status.sync.message}"
        yield f"  {'drift':<11} {shown(out, one.status.drift.state)}  {in_words(one.status.drift.message)}"


def _left(out: Out, one: "Environment", removed: "RemovedEnvironment") -> Iterator[str]:
    yield f"  {'state':<11} {shown(out, one.state)}"
    yield from out.wrapped(f"  {removed.message}")
    for name, value in (("address", one.address), ("protection", one.protection), ("jobs", str(removed.jobs))):
        yield f"  {name:<11} {value}"
    yield f"  {'open jobs':<11} {removed.open_jobs}"
    yield f"  {'last seen':<11} {moment(removed.last_seen_at)} UTC"
    yield f"  {out.paint(f'liftlock env rm {one.name} --confirm {one.name}', 'cyan')}"


def _protection(one: "Environment") -> str:
    if one.unlocked:
        return f"{one.protection}, unlocked: now {one.effective_protection}"
    recorded = one.recorded_protection
    return one.protection if recorded in (None, one.protection) else f"{one.protection}, its database says {recorded}"


env = listing("env", (ls, show, status, put, rm, unlock, lock, claim), "What environments are, and how they are kept.")
