"""A statement as words: names are read as the server stores them, and what is quoted is no word of the grammar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.examination import examine
from app.domain.statement_locks import locks_of
from app.domain.statements import parse_script
from app.domain.step import step_up
from app.domain.words import Stated, words_of
from tests.domain.literals import sql

PIECES = [
    "ALTER", "TABLE", "DROP", "CREATE", "INDEX", "ON", "COLUMN", "ADD", "SET", "NOT", "NULL", "TYPE", "(", ")", ",",
    ".", "a", '"B"', "'s'", "$$x$$", "CHECK", "DEFAULT", "CASCADE", "UPDATE", "DELETE", "FROM", "WITH", "AS", "RENAME",
    "TO", "VIEW", "GRANT", "REVOKE", "PUBLIC", "LOCK", "IN", "MODE", "VACUUM", "FULL", "CLUSTER", "REINDEX", "TRIGGER",
    "ATTACH", "DETACH", "PARTITION", "CONCURRENTLY", "COPY", "PROGRAM", "SYSTEM", "ROLE", "POLICY", "DO", "CALL", "1",
    "[", "]", "::", "*", "ONLY", "IF", "EXISTS", "COMMENT", "IS", "USING", "REFERENCES", "EXCLUDE", "FUNCTION", ";",
    "REFRESH", "MATERIALIZED", "VALIDATE", "CONSTRAINT", "OF", "INHERITS", "SECURITY", "DEFINER", "ENUM", "VALUE", "é",
]  # fmt: skip


@pytest.mark.parametrize(("text", "name"), [
    ("orders", "public.orders"), ("Shop.Orders", "shop.orders"), ('"Or""ders"', 'public.Or"ders'),
    ("db . shop . orders", "shop.orders"), ("(", ""), ("'orders'", ""), ("$1", ""), ("É", "public.É"),
])  # fmt: skip
def test_a_name_is_read_as_the_server_stores_it(text: str, name: str) -> None:
    assert words_of(text).name(0)[0] == name


def test_what_is_quoted_or_a_comment_is_no_word() -> None:
    words = words_of("""ALTER "DROP" 'CASCADE' /* drop */ -- cascade
    table""")
    assert words.upper == ("ALTER", '"DROP"', "'CASCADE'", "TABLE")
    assert not words.has("DROP") and words.has("TABLE")


def test_parts_are_cut_at_commas_outside_parentheses() -> None:
    parts = words_of("ADD CHECK (a IN (1, 2)), DROP b").parts()
    assert [" ".join(part.raw) for part in parts] == ["ADD CHECK ( a IN ( 1 , 2 ) )", "DROP b"]


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_no_text_however_broken_breaks_a_rule(pieces: list[str]) -> None:
    script = " ".join(pieces)
    examine([step_up(sql("a", up=script))])
    for index, statement in enumerate(parse_script(script).statements):
        assert len(locks_of(Stated(statement, index))) <= len(script)


def test_of_rows_the_head_is_read_and_of_everything_else_all() -> None:
    rows = ", ".join(f"({number}, 'x')" for number in range(1_000))
    (insert, delete) = parse_script(f"INSERT INTO t VALUES {rows}; DELETE FROM t WHERE (a, b) IN ({rows})").statements
    assert Stated(insert, 0).words.name(2)[0] == "public.t"
    assert len(Stated(insert, 0).words) < 1_000 < len(Stated(delete, 1).words)
