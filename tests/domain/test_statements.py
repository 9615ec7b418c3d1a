import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.statements import (
    Place,
    ScriptProblemCode,
    StatementKind,
    caret,
    comments,
    ends_open,
    parse_script,
    place_of,
    token_text,
)

PARTS = [
    "SELECT 1",
    "INSERT INTO t VALUES ('a;b', $$c;d$$, E'\\';')",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END",
    "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)",
    'ALTER TABLE "a;b" ADD COLUMN "c""d" int',
    "DO $x$ BEGIN PERFORM 1; END $x$",
    "UPDATE t SET a = b /* ; */ WHERE c -- ;\n = 1",
]


def codes(text: str) -> list[ScriptProblemCode]:
    return [problem.code for problem in parse_script(text).problems]


def test_a_statement_is_an_exact_slice_with_its_place() -> None:
    text = "-- first\nCREATE TABLE a (x int); -- after\r\n\r\n  /* before */ INSERT INTO a\n VALUES (1) /* end */ ;"
    first, second = parse_script(text).statements
    assert first.text == "CREATE TABLE a (x int)"
    assert (first.line, first.column) == (2, 1)
    assert second.text == "INSERT INTO a\n VALUES (1)"
    assert (second.line, second.column) == (4, 16)
    assert text[second.offset :].startswith(second.text)


def test_empty_statements_and_comments_alone_are_no_statements() -> None:
    assert parse_script("; ;\n-- nothing\n/* at all */ ;").statements == ()
    assert parse_script("").statements == ()


def test_a_byte_order_mark_moves_the_offset_and_no_column() -> None:
    (statement,) = parse_script("\ufeffSELECT 1").statements
    assert (statement.text, statement.offset, statement.line, statement.column) == ("SELECT 1", 1, 1, 1)


@given(st.lists(st.sampled_from(PARTS)), st.sampled_from([";", ";\n", " ; -- c\n", ";\r\n\r\n/* ; */"]))
def test_splitting_what_was_joined_gives_it_back(parts: list[str], separator: str) -> None:
    parsed = parse_script(separator.join(parts))
    assert [statement.text for statement in parsed.statements] == parts
    assert parsed.problems == ()


@given(st.text(max_size=300))
def test_any_text_ends_and_every_statement_is_a_slice_of_it(text: str) -> None:
    parsed = parse_script(text)
    for statement in parsed.statements:
        assert statement.text == text[statement.offset : statement.offset + len(statement.text)]
        place = place_of(text, statement.offset)
        assert (place.line, place.column) == (statement.line, statement.column)
    for problem in parsed.problems:
        assert 0 <= problem.offset <= len(text)


def test_copy_carries_its_raw_lines() -> None:
    parsed = parse_script("COPY t FROM STDIN;\n1\ta;b\r\n2\t\\N\n\\.\nSELECT 1;")
    copy, select = parsed.statements
    assert (copy.kind, copy.text, copy.copy_data) == (
        StatementKind.COPY_IN, "COPY t FROM STDIN", "1\ta;b\r\n2\t\\N\n",
    )  # fmt: skip
    assert (select.text, select.line, select.copy_data) == ("SELECT 1", 5, None)
    assert parsed.problems == ()


@pytest.mark.parametrize("begin", ["BEGIN", "begin work", "BEGIN TRANSACTION", "START /* our */ TRANSACTION"])
@pytest.mark.parametrize("end", ["COMMIT", "end", "COMMIT WORK", "END TRANSACTION AND NO CHAIN"])
def test_a_begin_and_commit_around_the_whole_script_are_left_out(begin: str, end: str) -> None:
    parsed = parse_script(f"-- head\n{begin};\nSELECT 1;\nSAVEPOINT a;\n{end};\n-- foot\n")
    assert parsed.wrapped
    assert [statement.verb for statement in parsed.statements] == ["SELECT", "SAVEPOINT"]
    assert parsed.problems == ()


def test_an_isolation_level_cannot_be_honoured() -> None:
    parsed = parse_script("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT;")
    assert parsed.wrapped
    assert [problem.code for problem in parsed.problems] == [ScriptProblemCode.TRANSACTION_OPTIONS]
    assert codes("SET TRANSACTION READ ONLY; SELECT 1") == [ScriptProblemCode.TRANSACTION_OPTIONS]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("SELECT 1;\nCOMMIT;", [2]),
        ("BEGIN;\nSELECT 1;", [1]),
        ("BEGIN;\nSELECT 1;\nROLLBACK;", [1, 3]),
        ("BEGIN;\nCOMMIT;\nBEGIN;\nCOMMIT;", [1, 2, 3, 4]),
        ("BEGIN;\nCOMMIT AND CHAIN;", [1, 2]),
        ("COMMIT;\nSELECT 1;\nBEGIN;", [1, 3]),
        ("SELECT 1;\nBEGIN;\nCOMMIT;", [2, 3]),
        ("COMMIT", [1]),
    ],
)
def test_other_transaction_control_is_refused_with_its_line(text: str, lines: list[int]) -> None:
    parsed = parse_script(text)
    assert not parsed.wrapped
    assert [problem.line for problem in parsed.problems] == lines
    assert {problem.code for problem in parsed.problems} == {ScriptProblemCode.TRANSACTION_CONTROL}


def test_mixing_names_both_lines() -> None:
    (problem,) = parse_script("SELECT 1;\nCREATE INDEX CONCURRENTLY ON t (x);").problems
    assert problem.code is ScriptProblemCode.MIXED_TRANSACTIONS
    assert problem.line == 2
    assert problem.message == (
        "CREATE INDEX CONCURRENTLY (line 2) cannot run in a transaction and SELECT (line 1) runs in one; "
        "put them into two migrations, or write transaction:false behind the section's marker"
    )


def test_a_wrapped_statement_that_must_run_alone_names_the_begin() -> None:
    (problem,) = parse_script("BEGIN;\nVACUUM;\nCOMMIT;").problems
    assert problem.code is ScriptProblemCode.MIXED_TRANSACTIONS
    assert "BEGIN (line 1)" in problem.message


def test_several_statements_that_run_alone_may_stand_together() -> None:
    parsed = parse_script("VACUUM a; DROP INDEX CONCURRENTLY i;")
    assert parsed.problems == ()
    assert parsed.non_transactional == parsed.statements


@pytest.mark.parametrize(
    ("text", "code", "place", "advice"),
    [
        ("SELECT 1;\n  \\i a.sql", "meta_command", (2, 3), "put that file's text here"),
        ("\\copy t from 'f'", "meta_command", (1, 1), "INSERT"),
        ("\\connect d", "meta_command", (1, 1), "the target of the run"),
        ("\\restrict x", "meta_command", (1, 1), "remove it"),
        ("\\.", "meta_command", (1, 1), "the rows before it"),
        ("COPY t TO STDOUT;", "copy_to_stdout", (1, 1), "remove it"),
        ("COPY t FROM STDIN;\n1\n", "unterminated_copy_data", (1, 1), r"only \."),
        ("SELECT\n 'a", "unterminated_string", (2, 2), "single quote"),
        ("SELECT (1; x", "unclosed_parenthesis", (1, 8), "close it"),
        ("SELECT 1\0", "nul_character", (1, 9), "UTF-8"),
        ("SELECT 1;\nSET client_encoding = 'LATIN1';", "other_encoding", (2, 1), "remove this statement"),
        ("set names win1252;", "other_encoding", (1, 1), "remove this statement"),
        ("SET LOCAL client_encoding TO 'sql_ascii'", "other_encoding", (1, 1), "remove this statement"),
    ],
)
def test_a_problem_says_where_and_what_to_do(text: str, code: str, place: tuple[int, int], advice: str) -> None:
    (problem,) = parse_script(text).problems
    assert (problem.code, (problem.line, problem.column)) == (code, place)
    assert advice in problem.message


@pytest.mark.parametrize(
    "text", ["SET client_encoding = 'UTF8'", "SET NAMES 'utf-8'", "SET client_encoding TO DEFAULT"]
)
def test_utf_8_may_be_said(text: str) -> None:
    assert parse_script(text).problems == ()


def test_every_problem_is_found_at_once_and_in_order() -> None:
    assert codes("\\i a\nCOMMIT;\nVACUUM;\nSELECT 'x") == [
        ScriptProblemCode.META_COMMAND,
        ScriptProblemCode.TRANSACTION_CONTROL,
        ScriptProblemCode.MIXED_TRANSACTIONS,
        ScriptProblemCode.UNTERMINATED_STRING,
    ]


def test_token_text_forgets_comments_white_space_and_line_ends() -> None:
    one = "-- a\r\nSELECT  a.b,\r\n 'x\r\ny' /* c */ ;\r\nDO $$a\r\nb$$;\r\n"
    other = "SELECT a . b , 'x\ny';DO $$a\nb$$ ; -- end"
    assert token_text(one) == token_text(other) == "SELECT a . b , 'x\ny' ; DO $$a\nb$$ ;"


def test_token_text_joins_a_string_in_parts_alike_and_leaves_what_is_inside_it() -> None:
    assert token_text("SELECT 'a'\n'b'") == token_text("SELECT 'a' -- it's\r\n\n  'b'")
    assert token_text("SELECT 'a' 'b'") != token_text("SELECT 'a'\n'b'")
    assert token_text("SELECT 'x'' \n  ''y'") == "SELECT 'x'' \n  ''y'"
    assert token_text("SELECT E'\\' \n  ''y'") == "SELECT E'\\' \n  ''y'"


@pytest.mark.parametrize(
    ("one", "other"),
    [("SELECT 1", "SELECT 2"), ("a <= b", "a < = b"), ("$$a $$", "$$a$$"), ("'a b'", "'a  b'"), ("A", "a")],
)
def test_token_text_keeps_every_other_difference(one: str, other: str) -> None:
    assert token_text(one) != token_text(other)


@given(st.text(max_size=200))
def test_token_text_of_itself_never_fails(text: str) -> None:
    assert isinstance(token_text(text), str)


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        ("SELECT 1", True),
        ("SELECT 1 -- one;", True),
        ("SELECT 1; SELECT ';'", True),
        ("SELECT 1; -- one", False),
        ("SELECT 1;\n/* two */\n", False),
        ("COPY a FROM STDIN;\n1\n\\.\n", False),
        ("-- nothing", False),
        ("", False),
    ],
)
def test_a_script_ends_open_where_what_follows_would_belong_to_it(text: str, is_open: bool) -> None:
    assert ends_open(text) is is_open


def test_only_real_comments_are_comments() -> None:
    text = (
        "-- migrate:up\nSELECT '\n-- no\n', $$\n-- no\n$$ /*\n-- no\n*/; -- yes\r\n"
        "COPY t FROM STDIN;\n-- no\n\\.\n--end"
    )
    found = list(comments(text))
    assert [comment.text for comment in found] == ["-- migrate:up", "-- yes", "--end"]
    assert [(comment.line, comment.column) for comment in found] == [(1, 1), (8, 5), (12, 1)]
    assert all(text.startswith(comment.text, comment.offset) for comment in found)


def test_a_place_has_its_line_without_its_end() -> None:
    text = "a\r\n\tbc d\r\nlast"
    assert place_of(text, text.index("d")) == Place(2, 5, "\tbc d")
    assert place_of(text, 10_000) == Place(3, 5, "last")
    assert place_of("\ufeffab", 2) == Place(1, 2, "ab")


def test_the_caret_stands_under_the_column() -> None:
    assert caret(Place(1, 3, "ab!cd")) == "ab!cd\n  ^"
    assert caret(Place(1, 4, "\ta\tb")) == "\ta\tb\n\t \t^"
    assert caret(Place(1, 2, "漢!")) == "漢!\n  ^"
    assert caret(Place(1, 2, "a\x1b[2J")) == "a [2J\n ^"


def test_a_long_line_is_cut_around_the_column() -> None:
    source, under = caret(Place(1, 501, "a" * 500 + "!" + "b" * 500)).split("\n")
    assert len(source) <= 102
    assert source[under.index("^")] == "!"
    assert (source[0], source[-1]) == ("…", "…")
