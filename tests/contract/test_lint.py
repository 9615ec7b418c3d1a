"""What a linter does, whichever stands behind the port."""

import asyncio
from pathlib import Path

import pytest

from app.adapters.lint import SquawkLinter
from app.domain.lint import LintFinding
from app.domain.migration import SqlScript
from app.ports import Linter
from tests.fakes.lint import FakeLinter

QUIET = SqlScript("SELECT 1;", "quiet.sql")
LOUD = SqlScript("SELECT 1;\n  CREATE TABLE x (id bigint, é text, c char(3));", "loud.sql")
SAID = LintFinding("ban-char-field", "", "", 2, 40)


@pytest.fixture(params=["squawk", "fake"])
def linter(request: pytest.FixtureRequest) -> Linter:
    return SquawkLinter() if request.param == "squawk" else FakeLinter({LOUD.text: (SAID,)})


@pytest.fixture(params=["squawk", "fake"])
def broken(request: pytest.FixtureRequest) -> Linter:
    return SquawkLinter(program=Path("/no/such/program")) if request.param == "squawk" else FakeLinter(notice="gone")


def test_it_answers_for_each_script_in_their_order(linter: Linter) -> None:
    linted = asyncio.run(linter.lint((QUIET, LOUD, QUIET)))
    quiet, loud, again = linted.verdicts
    assert (quiet, again, linted.notice) == ((), (), None)
    assert [(one.rule, one.line, one.column) for one in loud or ()] == [("ban-char-field", 2, 40)]


def test_what_it_has_said_it_says_again_without_looking(linter: Linter) -> None:
    assert linter.known((LOUD,)).verdicts == (None,)
    said = asyncio.run(linter.lint((LOUD,))).verdicts
    assert linter.known((LOUD, QUIET)).verdicts == (*said, None)


def test_nothing_to_look_at_is_nothing_to_say(linter: Linter) -> None:
    assert asyncio.run(linter.lint(())).verdicts == ()


def test_one_that_cannot_look_says_so_and_knows_nothing(broken: Linter) -> None:
    linted = asyncio.run(broken.lint((QUIET,)))
    assert linted.verdicts == (None,) and linted.notice
    assert broken.known((QUIET,)).verdicts == (None,)
