"""Files that a folder holds and that are not what their names say, or bear names that nothing else can hold."""

import asyncio
import os
from pathlib import Path

import pytest

from app.adapters.sources.folder import FolderSource
from app.domain.migration import Catalog
from app.domain.problem import Problem

SELECT = "-- migrate:up\nSELECT 1;\n"


def read(folder: Path) -> Catalog:
    return asyncio.run(FolderSource(folder, 1024 * 1024).read())


def the_problem(folder: Path) -> Problem:
    (folder / "2_b.sql").write_text(SELECT)
    catalog = read(folder)
    assert [one.name for one in catalog.migrations] == ["b"]
    (problem,) = catalog.problems
    return problem


def test_a_name_that_is_not_utf_8_is_refused_and_shown_with_the_bytes_that_are_not(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/1_caf\xe9.sql")).write_text(SELECT)
    problem = the_problem(tmp_path)
    assert (problem.code, problem.file) == ("invalid_name", r"1_caf\xe9.sql")
    assert problem.message == "the file's name is not UTF-8; rename it"


def test_a_name_of_several_lines_is_refused(tmp_path: Path) -> None:
    (tmp_path / "1_a\nb.sql").write_text(SELECT)
    problem = the_problem(tmp_path)
    assert problem.code == "invalid_name"
    assert "control characters" in problem.message


def test_a_link_to_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "1_a.sql").symlink_to("/dev/null")  # a pipe would be waited for, and /dev/zero read without an end
    problem = the_problem(tmp_path)
    assert (problem.code, problem.file) == ("unreadable_file", "1_a.sql")
    assert problem.message == "the link does not lead to a file; remove it"


@pytest.mark.parametrize(
    ("target", "remedy"),
    [
        ("nowhere.sql", "what the link leads to is not there: put it back, or remove the link"),
        ("1_a.sql", "the link leads to itself: remove it"),
    ],
    ids=["to nothing", "to itself"],
)
def test_a_link_that_leads_nowhere_says_so_and_not_that_something_is_forbidden(
    target: str, remedy: str, tmp_path: Path
) -> None:
    (tmp_path / "1_a.sql").symlink_to(target)
    problem = the_problem(tmp_path)
    assert problem.message.endswith(f"; {remedy}")


def test_a_suffix_in_capitals_is_a_suffix(tmp_path: Path) -> None:
    (tmp_path / "1_a.SQL").write_text(SELECT)
    (tmp_path / "2_b.Py").write_text("async def up(connection): ...\n")
    assert [(one.name, one.source_format) for one in read(tmp_path).migrations] == [("a", "sql"), ("b", "python")]


def test_a_file_where_the_folder_belongs_need_not_be_created(tmp_path: Path) -> None:
    (tmp_path / "migrations").touch()
    (problem,) = read(tmp_path / "migrations").problems
    assert problem.message.endswith("(Not a directory); put a folder there, or set LIFTLOCK_MIGRATIONS")
