"""A file says which hazards it means; one that is misspelt is a problem of the file, never a comment."""

import pytest

from app.domain.allowances import allowances
from app.domain.migration import SqlScript
from tests.sources.reading import migration_of, read_text

FILE = "-- migrate:up\nSELECT 1;\n{up}\nDROP TABLE a;\n-- migrate:down\nCREATE TABLE a ();\n"


def problem_of(line: str) -> tuple[str, int | None, str]:
    parsed = read_text(FILE.format(up=line))
    assert isinstance(parsed, tuple), parsed
    (problem,) = parsed
    return problem.code, problem.line, problem.message


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("-- liftlock: allow TABLE_DROPED nobody reads it", "no hazard 'TABLE_DROPED'; did you mean TABLE_DROPPED"),
        ("-- liftlock: allow table_dropped nobody reads it", "did you mean TABLE_DROPPED"),
        ("-- liftlock: allow XYZZY because", "the codes are listed at /problems"),
        ("-- liftlock: allow TABLE_DROPPED", "gives no reason"),
        ("-- liftlock: allow", "no hazard is named"),
        ("-- LIFTLOCK: allow TABLE_DROPPED nobody reads it", "in this spelling"),
        ("-- liftlock allow TABLE_DROPPED nobody reads it", "in this spelling"),
        ("-- liftlock: alow TABLE_DROPPED nobody reads it", "there is no `liftlock: alow`"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(line: str, says: str) -> None:
    code, at, message = problem_of(line)
    assert (code in ("allow", "batch"), at) == (True, 3)
    assert says in message


def test_one_hazard_allowed_twice_is_one_line_too_many() -> None:
    line = "-- liftlock: allow TABLE_DROPPED nobody reads it"
    code, at, message = problem_of(f"{line}\n{line}")
    assert (code, at) == ("allow", 4) and "twice" in message


@pytest.mark.parametrize("text", [
    "-- liftlock: allow DATA_LOSS x\n-- migrate:up\nSELECT 1;\n",
    "-- migrate:up\nSELECT 1;\n-- migrate:verify\n-- liftlock: allow DATA_LOSS x\nSELECT true;\n",
])  # fmt: skip
def test_it_belongs_into_the_section_whose_statements_it_is_for(text: str) -> None:
    parsed = read_text(text)
    assert isinstance(parsed, tuple) and "up or the down section" in parsed[0].message


def test_it_is_read_wherever_in_its_section_it_stands_and_changes_nothing_else() -> None:
    up = migration_of(read_text(FILE.format(up="-- liftlock: allow TABLE_DROPPED nobody reads it"))).up
    assert isinstance(up, SqlScript)
    ((code, reason, line),) = [(one.code, one.reason, one.line) for one in allowances(up.text)]
    assert (code, reason, line) == ("TABLE_DROPPED", "nobody reads it", 2)
    assert up.transactional and len(up.parsed.statements) == 2
    assert list(allowances("SELECT '-- liftlock: allow X'")) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("    # liftlock: allow UNSEEN", "no hazard 'UNSEEN'"),
        ("    # Liftlock: allow UNSEEN_STATEMENTS x", "write # liftlock: allow HAZARD reason, in this spelling"),
        ("    # liftlock: batch table=a key=b", "in this spelling"),
    ],
)
def test_a_python_file_is_held_to_the_same(line: str, says: str) -> None:
    parsed = read_text(f'version = "1"\n\nasync def up(connection):\n{line}\n    ...\n', "1_a.py")
    assert isinstance(parsed, tuple)
    (problem,) = parsed
    assert (problem.code, problem.line, problem.column) == ("allow", 4, 5)
    assert says in problem.message


def test_a_comment_about_liftlock_is_a_comment() -> None:
    text = 'version = "1"\n# liftlock runs this\nX = "# liftlock: allow X"\n\nasync def up(connection): ...\n'
    assert migration_of(read_text(text, "1_a.py")).name == "a"
