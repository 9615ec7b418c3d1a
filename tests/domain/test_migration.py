import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.migration import Catalog, Checksum, name_problem, version_key
from tests.domain.literals import sql

IN_ORDER = [
    ["1", "2", "9", "10", "11", "100"],
    ["1.2", "1.9", "1.10", "2.0"],
    ["1", "1.0", "1.0.1", "1.1"],
    ["V1", "V9", "V10"],
    ["2024-01-02", "2024-01-10", "2024-11-01"],
    ["20240101000000", "20240101000001", "20250101000000"],
    ["0001", "2", "0010"],
    ["1.0", "1.0-alpha", "1.0-beta"],
    ["9", "a", "b"],
]


@pytest.mark.parametrize("versions", IN_ORDER, ids=" ".join)
def test_versions_are_ordered_as_people_read_them(versions: list[str]) -> None:
    backwards = list(reversed(versions))
    assert sorted(backwards, key=version_key) == versions


@pytest.mark.parametrize(("one", "other"), [("1", "0001"), ("1.0", "1_0"), ("1-0", "1.0")])
def test_zeros_in_front_and_separators_do_not_count(one: str, other: str) -> None:
    assert version_key(one) == version_key(other)


@given(st.lists(st.text(max_size=12), max_size=8))
def test_any_versions_can_be_ordered(versions: list[str]) -> None:
    ordered = sorted(versions, key=version_key)
    assert sorted(ordered, key=version_key) == ordered


@pytest.mark.parametrize(
    "name", ["a", "create_orders", "sample-user-table", "Größe ändern", "it's", 'say "hi"', "x" * 200]
)
def test_a_printable_name_is_a_name(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "the name is empty"),
        ("   ", "the name is empty"),
        ("x" * 201, "the name has 201 characters; at most 200 are allowed"),
        (" a", "white space at its ends"),
        ("a ", "white space at its ends"),
        ("a/b", "a slash"),
        ("a\nb", "control characters"),
        ("a\x00b", "control characters"),
        ("a\x1b[31m", "control characters"),
        ("a\u202eb", "control characters"),
    ],
)
def test_what_cannot_stand_in_an_address_or_a_log_is_no_name(name: str, why: str) -> None:
    assert why in (name_problem(name) or "")


@pytest.mark.parametrize("word", ["conflicts", "graph", "mark", "plan", "reset", "rollback", "run", "verify"])
def test_a_word_of_the_http_api_is_no_name(word: str) -> None:
    assert name_problem(word) == f"the name {word!r} is a word of the HTTP API; choose another"


def test_a_checksum_is_of_the_bytes_and_of_the_tokens() -> None:
    checksum = Checksum.of(b"SELECT  1 -- one", "SELECT 1")
    assert checksum.raw == hashlib.sha256(b"SELECT  1 -- one").digest()
    assert checksum.token == hashlib.sha256(b"SELECT 1").digest()


def test_a_migration_without_a_down_is_not_reversible() -> None:
    assert [sql("a").reversible, sql("a", down=None).reversible] == [True, False]


def test_a_catalog_finds_by_name() -> None:
    a, b = sql("a", "1"), sql("b", "2")
    assert Catalog((a, b)).by_name() == {"a": a, "b": b}
