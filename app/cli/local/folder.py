"""A folder of migrations as the service would read it."""

import asyncio
from pathlib import Path

from app.adapters.sources.folder import FolderSource
from app.cli.exits import Exit
from app.cli.failing import CliError
from app.cli.session import Session
from app.domain.graph import arrange
from app.domain.migration import Catalog
from app.domain.problem import Problem

MOST_BYTES = 16 * 1024 * 1024


def folder_of(session: Session, given: Path | None) -> Path:
    """From the flag, else as configured. Raises CliError where there is none."""
    named = given or Path(session.settings["migrations"] or "migrations")
    folder = named if named.is_absolute() else session.place.folder / named
    if not folder.is_dir():
        origin = "flag --folder" if given else session.settings.found["migrations"].origin
        raise CliError(
            f"there is no folder {folder}", f"it comes from: {origin}", "liftlock new NAME --folder DIR", Exit.USAGE
        )
    return folder


def read_folder(folder: Path) -> Catalog:
    return asyncio.run(FolderSource(folder, MOST_BYTES).read())


def problems_of(catalog: Catalog) -> tuple[Problem, ...]:
    """Of single files, and of all of them together."""
    return (*catalog.problems, *arrange(catalog).problems)


def said(problem: Problem) -> str:
    place = ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part is not None)
    return f"{place}: {problem.message}" if place else problem.message
