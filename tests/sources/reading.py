"""Reads one text as a file, and tells what came of it."""

from app.adapters.sources.python import read_python
from app.adapters.sources.sql import read_sql
from app.domain.migration import Migration
from app.domain.problem import Problem

Parsed = Migration | tuple[Problem, ...]


def read_text(text: str, file: str = "1_a.sql") -> Parsed:
    read = read_python if file.endswith(".py") else read_sql
    return read(file, text.encode(), text)


def migration_of(parsed: Parsed) -> Migration:
    assert isinstance(parsed, Migration), parsed
    return parsed


def problems_of(parsed: Parsed) -> list[tuple[str, int | None]]:
    """The code and the line of each problem."""
    assert not isinstance(parsed, Migration), parsed
    return [(problem.code, problem.line) for problem in parsed]


def message_of(parsed: Parsed) -> str:
    """The text of the one problem."""
    assert not isinstance(parsed, Migration), parsed
    (problem,) = parsed
    return problem.message
