"""`liftlock config show`: what this command line is told, and where each of it stands."""

from typing import Any

import click

from app.cli.command import command, listing
from app.cli.exits import Exit
from app.cli.out import table
from app.cli.session import Session
from app.cli.settings import SETTINGS

ORDER = (
    "flag",
    "LIFTLOCK_* and DATABASE_URL, REDIS_URL",
    ".env",
    "[tool.liftlock] in pyproject.toml, or [cli] in liftlock.toml",
    "~/.config/liftlock/config.toml, and tokens.json, which login writes",
    "default",
)


@command("show", example="liftlock config show --origin")
@click.option("--origin", is_flag=True, help="Also where each value stands.")
def show(session: Session, origin: bool) -> int:
    """Every setting of this command line; secrets are not shown."""
    found, out = session.settings.found, session.out
    if out.json:
        out.document({known.name: _entry(session, known.name, known.secret) for known in SETTINGS})
        return Exit.DONE
    rows = []
    for known in SETTINGS:
        one = found[known.name]
        value = _masked(one.value) if known.secret else one.value or "-"
        rows.append((known.name, value, one.origin if origin else known.says))
    for line in table(out, ("SETTING", "VALUE", "FROM" if origin else ""), rows):
        out.answer(line)
    if origin:
        out.say()
        out.say(f"  looked for in this order: {'; '.join(ORDER)}")
    return Exit.DONE


def _entry(session: Session, name: str, secret: bool) -> dict[str, Any]:
    one = session.settings.found[name]
    return {"value": _masked(one.value) if secret else one.value, "origin": one.origin}


def _masked(value: str | None) -> str:
    """Never a part of a secret: a part of it may be most of it."""
    return "-" if value is None else "(set)"


config = listing("config", (show,), "What this command line is told, and where.")
