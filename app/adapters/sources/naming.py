"""What a file's name says of its migration, and whether the result can be used."""

import re
from dataclasses import dataclass
from pathlib import PurePath

from app.domain.migration import name_problem
from app.domain.problem import Problem

MAX_VERSION_CHARS = 100

_DATE = r"(?:19|20)\d\d(?P<between>[-_])(?:0[1-9]|1[0-2])(?P=between)(?:0[1-9]|[12]\d|3[01])(?:[-_T]\d{4}(?:\d\d)?)?"
_VERSIONED = re.compile(rf"^[Vv]?(?P<version>{_DATE}|\d[\w.]*?)(?:__|[_\-\s])(?P<name>.+)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FileName:
    version: str | None
    name: str


def parse_file_name(file: str) -> FileName:
    """`0003_add_orders.sql` bears version 0003 and the name add_orders; a date is one version."""
    stem = PurePath(file).stem
    found = _VERSIONED.match(stem)
    return FileName(found["version"], found["name"]) if found else FileName(None, stem)


def identity_problems(file: str, name: str, version: str | None) -> tuple[Problem, ...]:
    problems: list[Problem] = []
    wrong = name_problem(name)
    if wrong is not None:
        problems.append(Problem("invalid_name", wrong, file=file, line=1))
    if version is None:
        message = "the migration has no version; write one in its header, or begin the file's name with it"
        problems.append(Problem("missing_version", message, migration=name, file=file, line=1))
    elif not version.strip() or len(version) > MAX_VERSION_CHARS or not version.isprintable():
        message = f"the version must be printable, of 1 to {MAX_VERSION_CHARS} characters"
        problems.append(Problem("invalid_version", message, migration=name, file=file, line=1))
    return tuple(problems)
