"""`liftlock token`: who may ask for what."""

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

import click

from app.cli.command import command, listing
from app.cli.exits import Exit
from app.cli.failing import CliError
from app.cli.lists import listed
from app.cli.options import Names, Seconds
from app.cli.out import shown
from app.cli.session import Session
from app.cli.times import ago, moment

if TYPE_CHECKING:
    from app.client.documents.access import Token


@command("ls", example="liftlock token ls")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
def ls(session: Session, limit: int) -> int:
    """Tokens, newest first, without their secrets."""
    now = session.now()

    def row(one: "Token") -> Sequence[str]:
        used = ago(one.last_used_at, now) if one.last_used_at else "never"
        expires = moment(one.expires_at) if one.expires_at else "never"
        return one.state, one.id, one.name, one.role or ", ".join(one.scopes), used, expires

    found = list(islice(session.client.access.tokens(min(limit, 500)), limit))
    return listed(
        session.out, found, lambda one: one.id, ("STATE", "ID", "NAME", "MAY", "USED", "EXPIRES"), row, states=0
    )


@command(
    example="liftlock token add 'deploy staging' --role operator --environments staging\n"
    "liftlock token add ci --scopes plan,run:staging --expires 90d"
)
@click.argument("name", metavar="NAME")
@click.option("--role", type=click.Choice(["viewer", "operator", "releaser", "admin"]))
@click.option("--environments", type=Names(), default="", help="Where the role counts; everywhere when left out.")
@click.option("--scopes", type=Names(), default="", help="Instead of a role: plan,run:staging …")
@click.option("--expires", type=Seconds(), metavar="DURATION", help="How long it is good, such as 90d.")
def add(
    session: Session,
    name: str,
    role: str | None,
    environments: tuple[str, ...],
    scopes: tuple[str, ...],
    expires: float | None,
) -> int:
    """Make a token. It is shown this once; standard output holds nothing else."""
    from datetime import timedelta

    if bool(role) == bool(scopes):
        raise CliError(
            "what it may do is not clear", "give a --role, or --scopes", "liftlock token add NAME --role viewer"
        )
    until = None if expires is None else session.now() + timedelta(seconds=expires)
    made = session.client.access.add_token(name, role, environments, scopes, until)
    if session.out.json:
        session.out.document(made.raw)
        return Exit.DONE
    session.out.answer(made.token or "")
    session.out.complain(f"  shown this once; id {made.id}, {made.role or ', '.join(made.scopes)}")
    return Exit.DONE


@command(example="liftlock token revoke 0198…")
@click.argument("token_id", metavar="ID")
def revoke(session: Session, token_id: str) -> int:
    """Make a token worthless, at once and for good."""
    session.client.access.revoke_token(token_id)
    if session.out.json:
        session.out.document({"id": token_id, "revoked": True})
    else:
        session.out.say(f"{shown(session.out, 'succeeded')}  token {token_id} is worthless now")
    return Exit.DONE


token = listing("token", (ls, add, revoke), "Who may ask for what.")
