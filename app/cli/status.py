"""`liftlock status`: where environments and migrations stand."""

import click

from app.cli.command import command
from app.cli.exits import Exit
from app.cli.options import ENVIRONMENT, EXIT_CODE
from app.cli.session import Session


@command(
    example="liftlock status\nliftlock status production\nliftlock status --json | jq '.environments[].status.sync'"
)
@ENVIRONMENT
@click.option("--all", "everything", is_flag=True, help="Also what is applied everywhere.")
@EXIT_CODE
def status(session: Session, environment: str | None, everything: bool, exit_code: bool) -> int:
    """Where environments and migrations stand.

    Without ENV all of them side by side; with it, that one, and what is the matter with each of its migrations.
    """
    if environment is not None:
        return _one(session, environment, exit_code=exit_code)
    from app.cli.status_text import status_lines

    matrix = session.client.environments.matrix()
    if session.out.json:
        session.out.document(matrix.raw)
    else:
        folder = session.place.folder.name or "liftlock"
        for line in status_lines(session.out, matrix, folder, session.now(), everything=everything):
            session.out.say(line)
    differs = any(one.status is None or one.status.sync.state != "in_sync" for one in matrix.environments)
    return Exit.DIFFERENCE if exit_code and differs else Exit.DONE


def _one(session: Session, name: str, *, exit_code: bool) -> int:
    from app.cli.status_text import listing_lines, removed_lines

    environment = session.client.environments.get(name, with_status=True)
    if environment.removed is not None:
        if session.out.json:
            session.out.document({**environment.raw, "migrations": []})
        for line in removed_lines(session.out, (environment,)):
            session.out.say(line)
        return Exit.DIFFERENCE if exit_code else Exit.DONE
    listed = session.client.migrations.list(name)
    if session.out.json:
        session.out.document({**environment.raw, "migrations": [one.raw for one in listed]})
    else:
        for line in listing_lines(session.out, environment, listed, session.now()):
            session.out.say(line)
    differs = environment.status is None or environment.status.sync.state != "in_sync"
    return Exit.DIFFERENCE if exit_code and differs else Exit.DONE
