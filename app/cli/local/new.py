"""`liftlock new`: begin a migration, with the next version and what it depends on."""

import re
from datetime import datetime
from pathlib import Path

import click

from app.adapters.sources.naming import parse_file_name
from app.cli.command import command
from app.cli.exits import Exit
from app.cli.failing import CliError
from app.cli.local.folder import read_folder
from app.cli.session import Session
from app.domain.migration import Catalog, name_problem, version_key

_NUMBER = re.compile(r"\d+")
STAMP = "%Y%m%d%H%M%S"
STAMP_DIGITS = 14

SQL = """\
-- What this changes, and why.
{header}
-- migrate:up


-- migrate:down

"""
PYTHON = '''\
"""What this changes, and why."""

from typing import Any


class {class_name}:
    name = "{name}"
    version = "{version}"
    dependencies = {dependencies}

    async def up(self, connection: Any) -> None:
        raise NotImplementedError

    async def down(self, connection: Any) -> None:
        raise NotImplementedError
'''


@command(example="liftlock new add_order_notes\nliftlock new fill_totals --python --depends-on create_orders")
@click.argument("name", metavar="NAME")
@click.option("--python", is_flag=True, help="A Python file instead of SQL.")
@click.option(
    "--depends-on", "needs", multiple=True, metavar="NAME", help="What must be applied before; may be repeated."
)
@click.option("--version", "version", metavar="V", help="Instead of the next one.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Of the migrations.")
def new(
    session: Session, name: str, python: bool, needs: tuple[str, ...], version: str | None, folder: Path | None
) -> int:
    """Begin a migration in the migrations folder; never over another.

    Its version follows the newest: 0012 after 0011, or the moment where versions are moments.
    """
    place = session.place.folder / (folder or session.settings["migrations"] or "migrations")
    catalog = read_folder(place) if place.is_dir() else Catalog()
    called = "_".join(name.split())
    _refuse(catalog, called, needs)
    versions = [one.version for one in catalog.migrations] + _unread_versions(catalog)
    number = version or next_version(versions, session.now())
    file = place / f"{number}_{re.sub(r'[^0-9A-Za-z_-]+', '_', called)}.{'py' if python else 'sql'}"
    text = python_text(called, number, needs) if python else sql_text(needs)
    _write(file, text)
    if session.out.json:
        session.out.document({"file": str(file), "name": called, "version": number, "dependencies": list(needs)})
    elif session.out.quiet:
        session.out.answer(str(file))
    else:
        session.out.say(f"{session.out.paint('✓', 'green')} {file}")
        session.out.say("    liftlock lint")
    return Exit.DONE


def next_version(versions: list[str], now: datetime) -> str:
    """After the highest: as wide as it is, or a moment where it is one; 0001 where there is none."""
    highest = max(versions, key=version_key, default="0000")
    if len(highest) == STAMP_DIGITS and highest.isdecimal():
        return max(now.strftime(STAMP), str(int(highest) + 1))
    numbers = list(_NUMBER.finditer(highest))
    if not numbers:
        return now.strftime(STAMP)
    # `1.9` is followed by `1.10`, and `0009` by `0010`
    last = numbers[-1]
    return f"{highest[: last.start()]}{int(last[0]) + 1:0{len(last[0])}d}{highest[last.end() :]}"


def sql_text(needs: tuple[str, ...]) -> str:
    return SQL.format(header=f"-- dependencies: {', '.join(needs)}\n" if needs else "")


def python_text(name: str, version: str, needs: tuple[str, ...]) -> str:
    words = re.findall(r"[0-9A-Za-z]+", name)
    class_name = "".join(word[:1].upper() + word[1:] for word in words) or "Migration"
    if class_name[0].isdecimal():
        class_name = f"M{class_name}"
    listed = f"[{', '.join(_quoted(one) for one in needs)}]"
    return PYTHON.format(class_name=class_name, name=name.replace('"', '\\"'), version=version, dependencies=listed)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _refuse(catalog: Catalog, name: str, needs: tuple[str, ...]) -> None:
    """Raises CliError for a name that cannot be, or is taken, and for what is needed and not there."""
    wrong = name_problem(name)
    known = {one.name: one.file for one in catalog.migrations} | _unread(catalog)
    if wrong is None and name in known:
        wrong = f"the name is taken by {known[name]}"
    if wrong is not None:
        raise CliError(f"{name!r} cannot be its name", wrong, "liftlock new ANOTHER_NAME")
    for one in needs:
        if one not in known:
            raise CliError(
                f"there is no migration {one!r}", "it cannot depend on what no file defines", "liftlock graph"
            )


def _unread_versions(catalog: Catalog) -> list[str]:
    files = (problem.file for problem in catalog.problems if problem.file)
    return [found for found in (parse_file_name(file).version for file in files) if found]


def _unread(catalog: Catalog) -> dict[str, str]:
    """What files that give no migration yet will be called: one that was just begun has no statement."""
    files = {problem.file for problem in catalog.problems if problem.file}
    return {parse_file_name(file).name: file for file in files}


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise CliError(
            f"{file} cannot be written", error.strerror or str(error), "liftlock new NAME --folder DIR", Exit.BUG
        ) from None
