import asyncio
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.python_code import MOST_LOADED, load_action
from app.adapters.sources.folder import FolderSource
from app.adapters.sources.python import read_python
from app.domain.migration import Direction, Migration, PythonScript
from app.domain.problem import Problem
from app.domain.step import Step, step_up
from tests.sources.reading import message_of, migration_of, problems_of, read_text

CLASS = '''\
"""Fills the totals."""


class FillTotals:
    name = "fill-totals"
    version = "1.0.0"
    dependencies: list[str] = ["create-orders"]

    async def up(self, connection):
        await connection.execute("UPDATE orders SET total = 1")

    async def down(self, connection):
        await connection.execute("UPDATE orders SET total = NULL")
'''
MODULE = """\
name = "fill-totals"
version = "1.0.0"
dependencies = ("create-orders",)


async def up(connection):
    return "up was called with " + connection


async def down(connection):
    return "down was called with " + connection
"""


def up_step(text: str) -> Step:
    return step_up(migration_of(read_text(text, "1_a.py")))


def loading_problem(text: str, tmp_path: Path) -> Problem:
    (problem,) = FolderSource(tmp_path, 1_000_000).unloadable([up_step(text)])
    return problem


@pytest.mark.parametrize("text", [CLASS, MODULE], ids=["class", "module"])
def test_a_class_and_a_module_are_the_same_migration(text: str) -> None:
    read = migration_of(read_text(text, "x.py"))
    assert (read.name, read.version, read.dependencies) == ("fill-totals", "1.0.0", ("create-orders",))
    assert (read.file, read.source_format, read.verify) == ("x.py", "python", None)
    assert read.up == PythonScript(text, "x.py", "up")
    assert read.down == PythonScript(text, "x.py", "down")


def test_a_file_that_says_nothing_of_itself_is_called_as_its_file() -> None:
    read = migration_of(read_text("async def up(c): await c.execute('SELECT 1')", "0007_fill_totals.py"))
    assert (read.name, read.version, read.dependencies) == ("fill_totals", "0007", ())


def test_a_syntax_error_has_its_line_and_column() -> None:
    read = read_text("async def up(c):\n    x = = 1\n", "1_a.py")
    assert not isinstance(read, Migration)
    assert [(one.code, one.place) for one in read] == [("python_syntax", "1_a.py:2:9")]


def test_a_nul_character_is_refused_with_its_line() -> None:
    assert problems_of(read_text("async def up(c):\n    '\x00'\n", "1_a.py")) == [("nul_character", 2)]


@pytest.mark.parametrize("text", [f"x = {'(' * 5000}", f"x = {'-' * 100_000}1", f"x = 1{' + 1' * 50_000}"])
def test_nesting_that_python_cannot_read_is_a_problem_and_not_a_crash(text: str) -> None:
    assert [code for code, _ in problems_of(read_text(text, "1_a.py"))] == ["python_syntax"]


def test_a_method_that_is_not_async_is_refused_with_its_place() -> None:
    read = read_text("class A:\n    def up(self, c): ...\n    def down(self, c): ...\n", "1_a.py")
    assert problems_of(read) == [("not_async", 2), ("not_async", 3)]


@pytest.mark.parametrize(
    ("line", "shape"),
    [
        ("name = 'a' + str(1)", "a plain string"),
        ("name = f'a{1}'", "a plain string"),
        ("version = 1", "a plain string"),
        ("version: str = get()", "a plain string"),
        ("irreversible = None", "a plain string"),
        ("dependencies = 'a'", "a list of plain strings"),
        ("dependencies = ['a', 1]", "a list of plain strings"),
        ("dependencies = ['a'] + OTHERS", "a list of plain strings"),
        ("dependencies = [{[]: 1}]", "a list of plain strings"),
    ],
)
def test_a_computed_fact_is_refused_with_its_line(line: str, shape: str) -> None:
    read = read_text(f"\n{line}\nasync def up(c): ...\n", "1_a.py")
    assert problems_of(read) == [("not_literal", 2)]
    assert f"must be {shape}, written out" in message_of(read)


def test_two_migrations_in_one_file_are_refused_at_the_second() -> None:
    text = "class A:\n    async def up(self, c): ...\n\nclass B:\n    async def up(self, c): ...\n"
    assert problems_of(read_text(text, "1_a.py")) == [("several_migrations", 4)]


@pytest.mark.parametrize("text", ["", "x = 1", "class A:\n    async def down(self, c): ...", "def upper(): ..."])
def test_a_file_without_an_up_is_refused(text: str) -> None:
    assert problems_of(read_text(text, "1_a.py")) == [("missing_up", 1)]


def test_a_class_without_an_up_may_stand_beside_the_migration() -> None:
    assert migration_of(read_text(f"class Rates:\n    vat = 19\n\n{CLASS}", "1_a.py")).name == "fill-totals"


@pytest.mark.parametrize("body", ["pass", "...", '"""Nothing to undo."""', '"""Nothing."""; pass'])
def test_a_down_that_does_nothing_is_no_way_back(body: str) -> None:
    assert migration_of(read_text(f"async def up(c): pass\nasync def down(c): {body}\n", "1_a.py")).down is None


def test_a_missing_down_is_no_way_back() -> None:
    assert migration_of(read_text("async def up(c): pass\n", "1_a.py")).down is None


def test_a_reason_why_there_is_no_way_back_is_kept() -> None:
    read = migration_of(read_text("irreversible = 'rows are gone'\nasync def up(c): pass\n", "1_a.py"))
    assert read.irreversible == "rows are gone"


def test_an_empty_reason_is_none() -> None:
    assert migration_of(read_text("irreversible = ''\nasync def up(c): pass\n", "1_a.py")).irreversible is None


@pytest.mark.parametrize(
    "other",
    [
        MODULE.replace("\n\n\n", "\n\n# said later\n\n"),
        MODULE.replace("    return", "        return"),
        MODULE.replace("\n", "\r\n"),
    ],
    ids=["comment", "width of indentation", "line ends"],
)
def test_a_change_of_comments_or_white_space_changes_the_raw_checksum_alone(other: str) -> None:
    one, two = (migration_of(read_text(text, "1_a.py")).checksum for text in (MODULE, other))
    assert one.token == two.token
    assert one.raw != two.raw


def test_a_change_of_indentation_is_a_change() -> None:
    one, two = (
        migration_of(read_text(f"async def up(c):\n  if c:\n    a()\n{indent}b()\n", "1_a.py")).checksum.token
        for indent in ("    ", "  ")
    )
    assert one != two


def test_all_problems_of_a_file_are_told_at_once() -> None:
    read = read_text("name = 'a/b'\nversion = 1\ndef up(c): ...\n", "x.py")
    assert problems_of(read) == [("not_literal", 2), ("not_async", 3), ("invalid_name", 1), ("missing_version", 1)]


def test_reading_a_file_never_executes_it(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    text = f"open({str(marker)!r}, 'w').close()\nraise SystemExit('executed')\n{MODULE}"
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "1_a.py").write_text(text)
    catalog = asyncio.run(FolderSource(folder, 1_000_000).read())
    assert [migration.name for migration in catalog.migrations] == ["fill-totals"]
    assert not marker.exists()


def test_a_sound_file_can_be_loaded(tmp_path: Path) -> None:
    assert FolderSource(tmp_path, 1_000_000).unloadable([up_step(CLASS), up_step(MODULE)]) == ()


def test_a_sql_step_needs_no_loading(tmp_path: Path) -> None:
    step = step_up(migration_of(read_text("-- migrate:up\nSELECT 1;")))
    assert FolderSource(tmp_path, 1_000_000).unloadable([step]) == ()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("raise SystemExit('no licence')", "SystemExit: no licence"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("return 1", "SyntaxError: 'return' outside function"),
    ],
)
def test_a_file_that_fails_while_it_is_loaded_is_a_problem_with_its_line(
    statement: str, said: str, tmp_path: Path
) -> None:
    problem = loading_problem(f"async def up(c): ...\n\n{statement}\n", tmp_path)
    assert (problem.code, problem.migration, problem.file, problem.line) == ("python_import_failed", "a", "1_a.py", 3)
    assert problem.message.startswith(f"1_a.py cannot be loaded: {said}")


def test_a_class_that_needs_arguments_cannot_be_loaded(tmp_path: Path) -> None:
    text = "class A:\n    def __init__(self, x): ...\n    async def up(self, c): ...\n"
    assert "missing 1 required positional argument" in loading_problem(text, tmp_path).message


def test_an_up_that_is_replaced_by_something_else_cannot_be_loaded(tmp_path: Path) -> None:
    problem = loading_problem("async def up(c): ...\nup = 5\n", tmp_path)
    assert "`up` must be `async def up(self, connection)`" in problem.message


def test_every_file_that_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    steps = [up_step(f"1 / 0\n{MODULE}"), up_step(CLASS), up_step(f"raise SystemExit\n{CLASS}")]
    assert [problem.line for problem in FolderSource(tmp_path, 1_000_000).unloadable(steps)] == [1, 1]


@pytest.mark.parametrize("method", Direction)
def test_the_functions_of_a_module_are_called_with_the_connection_alone(method: Direction) -> None:
    async def call() -> object:
        return await load_action(PythonScript(MODULE, "1_a.py", method.value))("it")

    assert asyncio.run(call()) == f"{method} was called with it"


def test_names_of_a_file_are_found_by_those_who_look_for_them() -> None:
    text = (
        "from __future__ import annotations\nimport pickle\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Row:\n    number: int\n"
        "async def up(connection):\n    return str(pickle.loads(pickle.dumps(Row(connection))))\n"
    )
    action = load_action(PythonScript(text, "1_a.py", "up"))

    assert asyncio.run(action(5)) == "Row(number=5)"  # type: ignore[arg-type]


def test_files_that_were_loaded_long_ago_take_up_no_memory() -> None:
    for number in range(3 * MOST_LOADED):
        load_action(PythonScript(MODULE, f"{number}_a.py", "up"))
    assert sum(name.startswith("liftlock_migration_") for name in sys.modules) == MOST_LOADED


@given(st.text(st.characters(codec="utf-8"), max_size=60) | st.text("()[]{}'\"\\:\n\r\t\f #=ab0\x00", max_size=40))
def test_any_text_is_a_migration_or_problems_with_their_file(text: str) -> None:
    read = read_python("1_a.py", text.encode(), text)
    if not isinstance(read, Migration):
        assert read
        assert {problem.file for problem in read} == {"1_a.py"}


@pytest.mark.parametrize(
    ("written", "repeatable"), [("", True), ("repeatable = True\n", True), ("repeatable = False\n", False)]
)
def test_a_file_may_say_that_it_cannot_be_tried_out_first(written: str, repeatable: bool) -> None:
    read = migration_of(read_text(written + MODULE, "1_a.py"))
    assert isinstance(read.up, PythonScript) and isinstance(read.down, PythonScript)
    assert (read.up.repeatable, read.down.repeatable) == (repeatable, repeatable)


@pytest.mark.parametrize("written", ["repeatable = 0", "repeatable = 'no'", "repeatable = not True"])
def test_whether_it_is_repeatable_must_be_written_out(written: str) -> None:
    assert "`repeatable` must be True or False, written out" in message_of(read_text(f"{written}\n{MODULE}", "1_a.py"))


def test_a_verify_that_nobody_would_call_is_refused() -> None:
    verify = "async def verify(connection):\n    return False\n"
    assert problems_of(read_text(f"{MODULE}{verify}", "1_a.py"))[0][0] == "uncalled_verify"
    calling = f"async def up(connection):\n    await verify(connection)\n{verify}"
    assert isinstance(read_text(calling, "1_a.py"), Migration)
