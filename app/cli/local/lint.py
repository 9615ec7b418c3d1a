"""`liftlock lint`: what is wrong with files, and dangerous in them, without a server."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from app.adapters.lint import SquawkLinter
from app.cli.command import command
from app.cli.exits import Exit
from app.cli.failing import CliError
from app.cli.local.folder import folder_of, problems_of, read_folder, said
from app.cli.out import COLOURS, Out
from app.cli.session import Session
from app.cli.steps import in_words
from app.domain.consent import in_file
from app.domain.environment import Protection
from app.domain.examination import Consents, FoundHazards, required_consent
from app.domain.graph import arrange
from app.domain.lint import PG_VERSION
from app.domain.migration import Catalog
from app.domain.problem import Problem
from app.domain.proof import NO_PROOFS
from app.domain.step import Step, step_up
from app.services.gate import examination_of, scripts_of


@dataclass(frozen=True, slots=True)
class Linted:
    """`notice`: why the linter has not looked."""

    problems: tuple[Problem, ...]
    verdict: Consents
    unused: tuple[str, ...]
    notice: str | None
    files: int


@command(example="liftlock lint\nliftlock lint migrations/0012_add_notes.sql --protection locked")
@click.argument("files", nargs=-1, metavar="[FILE…]", type=click.Path(path_type=Path))
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Of the migrations.")
@click.option(
    "--protection",
    type=click.Choice([one.value for one in Protection]),
    default=Protection.LOCKED.value,
    show_default=True,
    help="Of the environment that they are meant for.",
)
@click.option("--pg-version", default=PG_VERSION, show_default=True, help="Of the server.")
@click.option("--all", "everything", is_flag=True, help="Also hazards that need no consent, or have it.")
def lint(
    session: Session, files: tuple[Path, ...], folder: Path | None, protection: str, pg_version: str, everything: bool
) -> int:
    """Look at migration files: what is wrong with them, and which hazards need consent.

    Exits with 2 for files that cannot be used, and with 7 for hazards that nobody has consented to.
    """
    place = folder_of(session, folder or (files[0].parent if files else None))
    _refuse_strays(session, place, files)
    found = look(read_folder(place), {file.name for file in files}, Protection(protection), pg_version)
    if session.out.json:
        session.out.document(_document(found))
    else:
        for line in _lines(session.out, found, everything=everything):
            session.out.answer(line)
        session.out.say(_summary(found))
    if found.problems:
        return Exit.USAGE
    return Exit.REFUSED if found.verdict.lacking else Exit.DONE


def _refuse_strays(session: Session, place: Path, files: Sequence[Path]) -> None:
    """A file that is not looked at must not pass for one that is good. Raises CliError."""
    for file in files:
        at = place / file if file.parent == Path() else session.place.folder / file
        if not at.is_file():
            raise CliError(f"there is no file {file}", f"it was looked for at {at}", "liftlock lint")
        if at.parent.resolve() != place.resolve():
            why = f"{file} is not in {place}; a file is judged beside those that it depends on"
            raise CliError("these files are in several folders", why, f"liftlock lint --folder {at.parent}")


def look(catalog: Catalog, names: set[str], protection: Protection, pg_version: str) -> Linted:
    """Each file by itself, as if what the files before it have made were in use. `names`: none means all of them."""
    told = [one for one in arrange(catalog).ordered if not names or one.file in names]
    found, notice = asyncio.run(_examined([step_up(one) for one in told], pg_version))
    hazards = [hazard for one in found for hazard in one.hazards]
    problems = tuple(one for one in problems_of(catalog) if not names or one.file in names)
    return Linted(
        problems,
        required_consent(hazards, (), (), protection),
        tuple(unused.said() for one in found for unused in one.unused),
        notice,
        len(told) + len({one.file for one in catalog.problems if not names or one.file in names}),
    )


async def _examined(steps: Sequence[Step], pg_version: str) -> tuple[list[FoundHazards], str | None]:
    """One call of the linter for all of them; and why it has not looked, if it has not."""
    linter = SquawkLinter()
    notice = (await linter.lint(scripts_of(steps), pg_version)).notice
    alone = [(step, linter.known(scripts_of([step]), pg_version)) for step in steps]
    return [examination_of([step], linted, None, NO_PROOFS) for step, linted in alone], notice


def _lines(out: Out, found: Linted, *, everything: bool) -> Iterator[str]:
    yield from (f"{out.paint('✕', 'red')} {said(problem)}" for problem in found.problems)
    for judged in found.verdict.judged:
        hazard, lacks = judged.hazard, judged.consent is None
        if not lacks and not everything:
            continue
        place = f"{hazard.file}:{hazard.line}" if hazard.line else hazard.file
        mark = out.paint("!" if lacks else "·", COLOURS.get(hazard.risk) or "yellow")
        rule = f" ({hazard.rule})" if hazard.rule else ""
        yield f"{mark} {place}: {hazard.code}{rule}, risk {hazard.risk}: {hazard.happens}"
        if lacks:
            yield f"    {in_words(hazard.to_do)}"
            yield f"    or say why: {out.paint(in_file(hazard), 'cyan')}"
    yield from (f"{out.paint('·', dim=True)} {text}" for text in found.unused)
    if found.notice:
        yield f"{out.paint('!', 'yellow')} {found.notice}"


def _summary(found: Linted) -> str:
    lacking = len(found.verdict.lacking)
    if not found.problems and not lacking:
        return f"✓ {found.files} files, nothing that needs consent"
    return f"{found.files} files · {len(found.problems)} problems · {lacking} hazards that need consent"


def _document(found: Linted) -> dict[str, Any]:
    return {
        "files": found.files,
        "problems": [
            {"code": one.code, "message": one.message, "file": one.file, "line": one.line, "column": one.column}
            for one in found.problems
        ],
        "hazards": _hazards(found),
        "unusedAllowances": list(found.unused),
        "notice": found.notice,
    }


def _hazards(found: Linted) -> Sequence[dict[str, Any]]:
    return [
        {
            "code": one.hazard.code.value,
            "migration": one.hazard.migration,
            "file": one.hazard.file,
            "line": one.hazard.line,
            "object": one.hazard.object,
            "happens": one.hazard.happens,
            "toDo": one.hazard.to_do,
            "risk": one.hazard.risk.value,
            "rule": one.hazard.rule,
            "consent": None if one.consent is None else one.consent.value,
        }
        for one in found.verdict.judged
    ]
