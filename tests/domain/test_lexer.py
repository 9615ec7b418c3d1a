from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.lexer import lex
from app.domain.tokens import FaultKind, TokenKind

SPACE = " \t\n\r\f\v\ufeff"
PIECES = st.sampled_from(
    [
        "'", "''", "E'", "\\", "\\'", '"', 'U&"', "$$", "$a$", "$1", "$", "--", "\n", "\r\n", "/*", "*/", "(",
        ")", ";", "BEGIN ATOMIC ", "CASE ", "END ", "CREATE FUNCTION f() ", "COPY t FROM STDIN", "\\.",
        "\n\\.\n", " ", "a", "é", "1.5e3", "::", "<=", "-", "/", ".", "\0", "\ufeff", "SELECT ",
    ]
)  # fmt: skip
SCRIPTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map("".join))
SIZE = 200_000


def slices(text: str) -> list[str]:
    return [text[start:end] for _, start, end in lex(text).tokens]


def kinds(text: str) -> list[TokenKind]:
    return [kind for kind, _, _ in lex(text).tokens]


def statements(text: str) -> list[str]:
    lexed = lex(text)
    ranges = [lexed.tokens[span.first : span.last] for span in lexed.spans]
    return [text[tokens[0][1] : tokens[-1][2]] for tokens in ranges]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select a.b, 1", ["select", "a", ".", "b", ",", "1"]),
        ("'it''s' ';'", ["'it''s'", "';'"]),
        (r"'a\' ; E'a\';b'", [r"'a\'", ";", r"E'a\';b'"]),
        (r"U&'\0061;' B'01' x'ff' N'n'", [r"U&'\0061;'", "B'01'", "x'ff'", "N'n'"]),
        ('"a;""b" U&"c;d"', ['"a;""b"', 'U&"c;d"']),
        ("$$;$$ $a$ $$ $b$ $a$", ["$$;$$", "$a$ $$ $b$ $a$"]),
        ("$1 a$b$c $é$;$é$", ["$1", "a$b$c", "$é$;$é$"]),
        ("1.5e-10 .5 0x1F 1_000 t.1", ["1.5e-10", ".5", "0x1F", "1_000", "t", ".1"]),
        ("a<=b--c\n->d/*e*/", ["a", "<=", "b", "--c", "->", "d", "/*e*/"]),
        ("x::int a[1:2] b:=1 c=>2", "x :: int a [ 1 : 2 ] b := 1 c => 2".split()),  # noqa: SIM905
        ("/* a /* b; */ c; */ d", ["/* a /* b; */ c; */", "d"]),
        ("/*/ a */ b", ["/*/ a */", "b"]),
        ("a -- it's\r\nb", ["a", "-- it's", "b"]),
        ("name'x' e u&b", ["name", "'x'", "e", "u", "&", "b"]),
        ("no\u00a0break", ["no\u00a0break"]),
    ],
)
def test_each_form_of_token_is_one_token(text: str, expected: list[str]) -> None:
    assert slices(text) == expected


def test_string_parts_on_following_lines_are_one_constant() -> None:
    text = "E'a' -- it's\n  'b\\';c'\n;"
    assert slices(text) == ["E'a' -- it's\n  'b\\';c'", ";"]
    assert slices("'a' 'b'") == ["'a'", "'b'"]


def test_a_byte_order_mark_is_no_token_at_the_beginning_and_a_name_elsewhere() -> None:
    assert slices("\ufeffselect 1") == ["select", "1"]
    assert slices("a \ufeffb") == ["a", "\ufeffb"]


def test_a_backslash_where_a_token_may_begin_takes_its_line() -> None:
    assert slices("\\i a;b 'c\nselect 1 \\g\n") == ["\\i a;b 'c", "select", "1", "\\g"]
    assert statements("select 1 \\g\nselect 2;") == ["select 1", "\\g", "select 2"]


@pytest.mark.parametrize(
    "body",
    [
        "select 1; select 2;",
        "select case when a then case b when 1 then 2 end end; select 1;",
        "select a as case, t.end from t; select b as end;",
        "insert into t values ('end;'); /* end */ select 1; -- end\n",
    ],
)
def test_an_atomic_body_does_not_split(body: str) -> None:
    for head in ("create function f() returns int", "CREATE OR REPLACE PROCEDURE p(begin atomic)"):
        routine = f"{head} language sql begin atomic {body} end"
        assert statements(f"select 0; {routine}; select 3;") == ["select 0", routine, "select 3"]


def test_begin_atomic_elsewhere_and_case_outside_a_body_do_split() -> None:
    assert statements("select case when 1 then 2 end; begin; atomic; end;") == [
        "select case when 1 then 2 end", "begin", "atomic", "end",
    ]  # fmt: skip
    assert len(statements("create function f() returns int language sql return 1; select 2;")) == 2


def test_parentheses_hold_a_rule_together() -> None:
    rule = "create rule r as on insert to t do also (select 1; select (2); select 3)"
    assert statements(f"{rule}; select 4") == [rule, "select 4"]
    assert statements("select 1); select 2") == ["select 1)", "select 2"]


def test_copy_data_is_not_sql() -> None:
    text = "copy t (a) from stdin; -- rows\nit's; $$\n\\N\n\\.\nselect 1;"
    lexed = lex(text)
    assert [text[d[1] : d[2]] for span in lexed.spans if (d := span.copy_data)] == ["it's; $$\n\\N\n"]
    assert statements(text)[-1] == "select 1"
    assert lexed.faults == []


@pytest.mark.parametrize(
    "text", ["copy t from stdin;\n\\.\n", "copy t from stdin;\r\n\\.\r\nselect 1;", "copy t from stdin;\n\\."]
)
def test_copy_data_may_be_empty(text: str) -> None:
    lexed = lex(text)
    assert lexed.faults == []
    assert lexed.spans[0].copy_data is not None
    assert lexed.spans[0].copy_data[1] == lexed.spans[0].copy_data[2]


def test_only_stdin_takes_data() -> None:
    for text in ("copy t from 'f';", "copy t from program 'p';", "copy (select 1 from stdin) to 'f';"):
        assert TokenKind.COPY_DATA not in kinds(f"{text}\nselect 1;")


@pytest.mark.parametrize(
    ("text", "kind", "offset"),
    [
        ("select 'a;", FaultKind.STRING, 7),
        (r"select E'a\';", FaultKind.STRING, 7),
        ("select E'a'\n'b", FaultKind.STRING, 7),
        ('select "a', FaultKind.QUOTED_NAME, 7),
        ('select U&"a', FaultKind.QUOTED_NAME, 7),
        ("do $x$ begin $$; ", FaultKind.DOLLAR_STRING, 3),
        ("a /* /* */ b", FaultKind.COMMENT, 2),
        ("a; select (1, (2); b", FaultKind.PARENTHESIS, 10),
        ("create function f() begin atomic select 1;", FaultKind.ROUTINE_BODY, 26),
        ("/* x */ copy t from stdin;\n1\n", FaultKind.COPY_DATA, 8),
        ("copy t from stdin;", FaultKind.COPY_DATA, 0),
        ("copy t from stdin; select 1;\n\\.\n", FaultKind.COPY_LINE, 19),
    ],
)
def test_what_never_closes_is_a_fault_where_it_begins(text: str, kind: FaultKind, offset: int) -> None:
    assert lex(text).faults == [(kind, offset)]


@given(SCRIPTS)
def test_tokens_and_the_white_space_between_them_are_the_whole_text(text: str) -> None:
    tokens = lex(text).tokens
    edges = [0, *(edge for _, start, end in tokens for edge in (start, end)), len(text)]
    assert edges == sorted(edges)
    gaps = [text[end:start] for end, start in zip(edges[::2], edges[1::2], strict=True)]
    assert set("".join(gaps)) <= set(SPACE)
    slices_of_tokens = [text[start:end] for _, start, end in tokens]
    assert "".join(a + b for a, b in zip(gaps, [*slices_of_tokens, ""], strict=True)) == text


@given(SCRIPTS)
def test_spans_follow_one_another(text: str) -> None:
    spans = lex(text).spans
    assert all(span.first < span.last for span in spans)
    assert all(left.last <= right.first for left, right in pairwise(spans))


@pytest.mark.parametrize(
    "unit",
    [
        " ", "(", ")", "(;", ";", "/*", "/* */", "'", "''", "'a'\n", "'a'--x\n", "E'\\", "E'a'\n'\\'\n",
        '"', "$", "$a", "$a$ $b", "-", "-/", ".", "1e", "\\", "\\\n", "u&", "é", "\0", "CASE ", "COPY t FROM STDIN;\n",
        "--\n", "COPY t FROM STDIN;\n\\.\n", "BEGIN ATOMIC ", "CREATE FUNCTION f() BEGIN ATOMIC ;",
    ],
)  # fmt: skip
@pytest.mark.parametrize("head", ["", "'", "CREATE FUNCTION f() BEGIN ATOMIC ", "COPY "])
def test_repetition_makes_no_more_tokens_than_characters(head: str, unit: str) -> None:
    """Quadratic work on these sizes would take hours, so coming back at all is the other half of it."""
    text = head + unit * (SIZE // len(unit) // 4)
    lexed = lex(text)
    assert len(lexed.tokens) <= len(text) + 2
    assert len(lexed.spans) <= len(lexed.tokens)


def test_each_token_of_a_body_is_seen_once_however_many_comments_stand_before() -> None:
    comments = "--\n" * 20_000
    text = f"{comments} CREATE FUNCTION f() BEGIN ATOMIC {'SELECT 1;' * 20_000} END;"
    assert len(statements(text)) == 1


def test_a_hundred_thousand_levels_are_counted_and_not_recursed_into() -> None:
    depth = 100_000
    assert lex("select " + "(" * depth + ";" + ")" * depth + ";").faults == []
    assert kinds("/*" * depth + "*/" * depth) == [TokenKind.BLOCK_COMMENT]
    assert lex("(" * depth).faults == [(FaultKind.PARENTHESIS, 0)]
