"""`liftlock login`, `logout` and `whoami`: who asks."""

import sys

import click

from app.cli.command import command
from app.cli.exits import Exit
from app.cli.failing import CliError
from app.cli.out import shown
from app.cli.session import Session
from app.cli.settings import store_token
from app.cli.times import moment


@command(example="liftlock login\nliftlock login < token.txt")
def login(session: Session) -> int:
    """Keep a token for this service, in a file that only you can read.

    The token is asked for, or read from standard input; never from a flag, which every process could see.
    """
    url = session.settings.url
    token = _read_token(url)
    if not token:
        raise CliError("no token came", "standard input was empty", "liftlock login < token.txt")
    with session.client_with(token) as client:
        who = client.access.whoami()
    file = store_token(session.place, url, token)
    if session.out.json:
        session.out.document({**who.raw, "url": url, "file": str(file)})
        return Exit.DONE
    name = who.principal.name or who.principal.id
    session.out.say(f"{shown(session.out, 'succeeded', 0)}  {name} at {url}; kept in {file}")
    if who.auth == "off":
        session.out.say("  this service asks nobody for a token")
    return Exit.DONE


@command(example="liftlock logout")
def logout(session: Session) -> int:
    """Forget the token of this service."""
    url = session.settings.url
    file = store_token(session.place, url, None)
    if session.out.json:
        session.out.document({"url": url, "file": str(file)})
    else:
        session.out.say(f"no token of {url} is kept in {file}")
    return Exit.DONE


@command(example="liftlock whoami")
def whoami(session: Session) -> int:
    """Who asks, and what it may do there."""
    who = session.client.access.whoami()
    out = session.out
    if out.json:
        out.document(who.raw)
        return Exit.DONE
    name = who.principal.name or who.principal.id
    out.answer(f"{name} ({who.principal.kind}) at {session.settings.url}")
    if who.auth == "off":
        out.say("  nobody is asked for a token here: everybody may do everything")
    else:
        until = f", until {moment(who.expires_at)} UTC" if who.expires_at else ""
        out.say(f"  {who.role or 'no role'}{until}; {', '.join(who.scopes)}")
        out.say(f"  token from {session.settings.found['token'].origin}")
    if who.read_only:
        out.say("  this service makes no changes")
    return Exit.DONE


def _read_token(url: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(f"Token for {url}", hide_input=True, err=True)).strip()
    return sys.stdin.readline().strip()
