import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.sources.sql import read_sql
from app.domain.migration import Migration, SqlScript
from tests.sources.reading import message_of, migration_of, problems_of, read_text

WHOLE = """\
-- name: create-orders
-- version: 1.2.0
-- dependencies: create-customers, create-products
-- migrate:up
CREATE TABLE orders (id int);
-- migrate:down
DROP TABLE orders;
-- migrate:verify
SELECT true;
"""


def up_of(text: str) -> str:
    up = migration_of(read_text(text)).up
    assert isinstance(up, SqlScript)
    return up.text


def test_a_header_and_three_sections_are_a_migration() -> None:
    read = migration_of(read_text(WHOLE, "x.sql"))
    assert (read.name, read.version) == ("create-orders", "1.2.0")
    assert read.dependencies == ("create-customers", "create-products")
    assert read.up == SqlScript("CREATE TABLE orders (id int);\n", "x.sql", 5)
    assert read.down == SqlScript("DROP TABLE orders;\n", "x.sql", 7)
    assert read.verify == SqlScript("SELECT true;\n", "x.sql", 9)
    assert (read.file, read.source_format, read.irreversible) == ("x.sql", "sql", None)


@pytest.mark.parametrize(
    ("file", "version", "name"),
    [
        ("0003_add_orders.sql", "0003", "add_orders"),
        ("V2__add_orders.sql", "2", "add_orders"),
        ("v1.10__add.sql", "1.10", "add"),
        ("20240131120000-add-orders.sql", "20240131120000", "add-orders"),
        ("7 add orders.sql", "7", "add orders"),
        ("2026-05-28-add-orders.sql", "2026-05-28", "add-orders"),
        ("2026_05_28_120000_add_orders.sql", "2026_05_28_120000", "add_orders"),
        ("2026_13_28_add.sql", "2026", "13_28_add"),
    ],
)
def test_a_file_without_a_header_has_its_name_and_version_from_its_file_name(
    file: str, version: str, name: str
) -> None:
    read = migration_of(read_text("-- migrate:up\nSELECT 1;", file))
    assert (read.version, read.name) == (version, name)


def test_a_file_without_any_version_is_refused() -> None:
    assert problems_of(read_text("-- migrate:up\nSELECT 1;", "orders.sql")) == [("missing_version", 1)]


@pytest.mark.parametrize("name", ["it's", 'say "hi"', "two words", "Größe"])
def test_a_name_may_hold_quotes_and_spaces(name: str) -> None:
    assert migration_of(read_text(f"-- name: {name}\n-- migrate:up\nSELECT 1;")).name == name


@pytest.mark.parametrize("name", ["a/b", "run", "x" * 201])
def test_a_name_that_the_api_could_not_bear_is_refused(name: str) -> None:
    assert problems_of(read_text(f"-- name: {name}\n-- migrate:up\nSELECT 1;")) == [("invalid_name", 1)]


def test_a_version_of_more_than_a_hundred_characters_is_refused() -> None:
    assert problems_of(read_text(f"-- version: {'1' * 101}\n-- migrate:up\nSELECT 1;")) == [("invalid_version", 1)]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("", ()),
        ("[]", ()),
        ("a", ("a",)),
        ("a, b", ("a", "b")),
        ("[a,b ,a]", ("a", "b")),
        ("two words, x", ("two words", "x")),
    ],
)
def test_dependencies_are_names_with_commas_between_them(value: str, names: tuple[str, ...]) -> None:
    assert migration_of(read_text(f"-- dependencies: {value}\n-- migrate:up\nSELECT 1;")).dependencies == names


def test_a_reason_why_there_is_no_way_back_is_kept() -> None:
    read = migration_of(read_text("-- irreversible: the rows are gone\n-- migrate:up\nDELETE FROM t;"))
    assert (read.irreversible, read.down) == ("the rows are gone", None)


def test_a_header_line_that_is_given_twice_is_refused() -> None:
    assert problems_of(read_text("-- name: a\n-- name: b\n-- migrate:up\nSELECT 1;")) == [("repeated_header", 2)]


@pytest.mark.parametrize("key", ["name", "version", "irreversible"])
def test_a_header_line_without_a_value_is_refused(key: str) -> None:
    read = read_text(f"-- {key}:\n-- migrate:up\nSELECT 1;")
    assert ("empty_header", 1) in problems_of(read)


def test_a_line_like_a_header_below_the_first_section_is_a_comment() -> None:
    assert migration_of(read_text("-- migrate:up\n-- name: other\nSELECT 1;")).name == "a"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT '\n-- migrate:down\n';",
        "SELECT $$\n-- migrate:down\n$$;",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN\n-- migrate:down\nEND $f$;",
        'SELECT 1 AS "\n-- migrate:down\n";',
        "/*\n-- migrate:down\n*/ SELECT 1;",
    ],
)
def test_a_marker_that_is_not_a_comment_is_text(text: str) -> None:
    read = migration_of(read_text(f"-- migrate:up\n{text}"))
    assert read.down is None
    assert read.up == SqlScript(text, "1_a.sql", 2)


def test_a_marker_may_stand_behind_white_space_and_a_statement() -> None:
    assert migration_of(read_text("  --migrate:up\nSELECT 1; -- migrate:down\nSELECT 2;")).reversible


def test_an_unknown_section_is_refused_with_its_place() -> None:
    read = read_text("-- migrate:up\nSELECT 1;\n  -- migrate:dwon\nSELECT 2;")
    assert problems_of(read) == [("unknown_section", 3)]
    assert "there is no section 'dwon'" in message_of(read)


@pytest.mark.parametrize("section", ["up", "down", "verify"])
def test_a_repeated_section_is_refused_with_its_place(section: str) -> None:
    text = f"-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n-- migrate:verify\nSELECT 3;\n-- migrate:{section}\n"
    assert problems_of(read_text(text)) == [("repeated_section", 7)]


@pytest.mark.parametrize("marker", ["up transaction:maybe", "down no_transaction", "verify transaction:false"])
def test_an_unknown_option_is_refused_and_named(marker: str) -> None:
    up = "" if marker.startswith("up") else "-- migrate:up\nSELECT 1;\n"
    read = read_text(f"{up}-- migrate:{marker}\nSELECT 1;")
    assert problems_of(read)[0] == ("unknown_option", 1 + up.count("\n"))
    assert marker.partition(" ")[2] in message_of(read)


def test_a_statement_above_the_first_section_is_refused_with_its_line() -> None:
    assert problems_of(read_text("-- name: a\n\nSELECT 0;\n-- migrate:up\nSELECT 1;")) == [("statement_before_up", 3)]


@pytest.mark.parametrize("text", ["", "\n\n", "-- nothing\n", "SELECT 1;", "-- migrate:down\nSELECT 1;"])
def test_a_file_without_an_up_is_refused(text: str) -> None:
    assert problems_of(read_text(text)) == [("missing_up", 1)]


@pytest.mark.parametrize("up", ["", "\n", "-- later\n", " ; ;\n", "BEGIN; COMMIT;"])
def test_an_up_without_a_statement_is_refused(up: str) -> None:
    assert problems_of(read_text(f"-- migrate:up\n{up}")) == [("empty_up", 2)]


def test_a_missing_down_is_no_way_back() -> None:
    assert migration_of(read_text("-- migrate:up\nSELECT 1;")).down is None


@pytest.mark.parametrize("down", ["", "\n\n", "-- cannot be undone\n", " ; /* nothing */ ;"])
def test_a_blank_down_is_no_way_back(down: str) -> None:
    assert migration_of(read_text(f"-- migrate:up\nSELECT 1;\n-- migrate:down\n{down}")).down is None


def test_a_blank_verify_proves_nothing() -> None:
    assert migration_of(read_text("-- migrate:up\nSELECT 1;\n-- migrate:verify\n-- later\n")).verify is None


def test_a_down_may_stand_above_the_up() -> None:
    read = migration_of(read_text("-- migrate:down\nSELECT 2;\n-- migrate:up\nSELECT 1;"))
    assert (read.up, read.down) == (SqlScript("SELECT 1;", "1_a.sql", 4), SqlScript("SELECT 2;\n", "1_a.sql", 2))


def test_line_ends_of_windows_change_neither_sections_nor_lines() -> None:
    read = migration_of(read_text(WHOLE.replace("\n", "\r\n"), "x.sql"))
    assert (read.name, read.dependencies) == ("create-orders", ("create-customers", "create-products"))
    assert read.down == SqlScript("DROP TABLE orders;\r\n", "x.sql", 7)


def test_a_change_of_line_ends_changes_the_raw_checksum_alone() -> None:
    unix, windows = (migration_of(read_text(text)).checksum for text in (WHOLE, WHOLE.replace("\n", "\r\n")))
    assert unix.token == windows.token
    assert unix.raw != windows.raw


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_nothing_below_a_marker_is_lost_whatever_ends_its_line(line_end: str) -> None:
    assert up_of(f"-- migrate:up{line_end}DROP TABLE a;\nDROP TABLE b;") == "DROP TABLE a;\nDROP TABLE b;"


def test_a_change_of_a_comment_changes_the_raw_checksum_alone() -> None:
    one, other = (migration_of(read_text(text)).checksum for text in (WHOLE, WHOLE + "-- said later\n"))
    assert one.token == other.token
    assert one.raw != other.raw


def test_a_change_of_the_header_is_a_change() -> None:
    one, other = (
        migration_of(read_text(text)).checksum for text in (WHOLE, WHOLE.replace("create-products", "create-prices"))
    )
    assert one.token != other.token


def test_the_raw_checksum_is_of_the_bytes_of_the_file() -> None:
    assert migration_of(read_text(WHOLE)).checksum.raw == hashlib.sha256(WHOLE.encode()).digest()


@pytest.mark.parametrize("section", ["up", "down", "verify"])
def test_commit_in_any_section_is_refused_with_its_line(section: str) -> None:
    text = "-- migrate:up\nSELECT 1;\n" if section != "up" else ""
    read = read_text(f"{text}-- migrate:{section}\nSELECT 1;\n  COMMIT;\nSELECT 2;")
    line = text.count("\n") + 3
    assert problems_of(read) == [("transaction_control", line)]
    assert "COMMIT would break the one transaction" in message_of(read)


def test_a_begin_and_commit_around_a_whole_section_are_accepted() -> None:
    up = migration_of(read_text("-- migrate:up\nBEGIN;\nSELECT 1;\nCOMMIT;\n")).up
    assert isinstance(up, SqlScript)
    assert [statement.text for statement in up.parsed.statements] == ["SELECT 1"]


def test_what_cannot_run_in_a_transaction_is_found_out_or_declared() -> None:
    found = migration_of(read_text("-- migrate:up\n\nCREATE INDEX CONCURRENTLY i ON t (a);")).up
    declared = migration_of(read_text("-- migrate:up transaction:false\nCALL tidy();")).up
    usual = migration_of(read_text("-- migrate:up transaction:true\nCREATE INDEX i ON t (a);")).up
    assert [isinstance(up, SqlScript) and up.transactional for up in (found, declared, usual)] == [False, False, True]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("-- migrate:up\nSELECT 1;\nVACUUM t;", "VACUUM (line 3) cannot run in a transaction and SELECT (line 2) runs"),
        ("-- migrate:up\nBEGIN;\nVACUUM t;\nCOMMIT;", "cannot run in the transaction"),
        ("-- migrate:up transaction:false\nBEGIN;\nVACUUM t;\nCOMMIT;", "cannot run in the transaction"),
        ("-- migrate:up transaction:true\n\nVACUUM t;", "transaction:true says that this runs inside one"),
        ("-- migrate:up transaction:false\n\nDISCARD ALL;", "would let go of the lock"),
        ("-- migrate:up transaction:false\n\nSET ROLE owner;", "without a transaction may not change the role"),
        ("-- migrate:up\nSELECT 1;\n-- migrate:verify\n\nVACUUM t;", "a verify block runs inside one"),
    ],
)
def test_a_mixture_is_refused_with_its_line(text: str, says: str) -> None:
    read = read_text(text)
    assert problems_of(read)[0][1] == text[: text.index("VACUUM") if "VACUUM" in text else -1].count("\n") + 1
    assert says in message_of(read)


def test_concurrently_in_a_comment_or_a_string_is_text() -> None:
    assert migration_of(read_text("-- migrate:up\nSELECT 'CREATE INDEX CONCURRENTLY'; -- CREATE INDEX CONCURRENTLY"))


@pytest.mark.parametrize("data", ["\n1\n\\.\n", "\n1\n", " 1\n\\.\n"], ids=["whole", "without an end", "on its line"])
def test_copy_from_stdin_is_refused_with_its_line(data: str) -> None:
    assert problems_of(read_text(f"-- migrate:up\nSELECT 1;\nCOPY t FROM STDIN;{data}")) == [("copy_from_stdin", 3)]


def test_a_command_of_psql_is_refused_with_its_line() -> None:
    read = read_text("-- migrate:up\nSELECT 1;\n\\i other.sql\n")
    assert problems_of(read) == [("meta_command", 3)]
    assert "\\i is a command of psql" in message_of(read)


def test_a_string_that_never_closes_is_refused_where_it_begins() -> None:
    assert problems_of(read_text("-- migrate:up\nSELECT 1;\nSELECT 'open;\n-- migrate:down\n")) == [
        ("unterminated_string", 3)
    ]


def test_a_nul_character_is_refused_with_its_line() -> None:
    assert problems_of(read_text("-- migrate:up\nSELECT 1;\nSELECT \x00;")) == [("nul_character", 3)]


def test_all_problems_of_a_file_are_told_at_once() -> None:
    text = "-- name: a/b\n-- migrate:up\nCOMMIT;\n-- migrate:undo\n-- migrate:up\nSELECT 1;\n"
    assert sorted(code for code, _ in problems_of(read_text(text, "1_x.sql"))) == [
        "invalid_name", "repeated_section", "transaction_control", "unknown_section",
    ]  # fmt: skip


def test_a_problem_names_its_file_and_the_migration_as_far_as_it_is_known() -> None:
    read = read_text("-- name: orders\n-- migrate:up\nCOMMIT;", "1_x.sql")
    assert not isinstance(read, Migration)
    assert (read[0].file, read[0].migration, read[0].place) == ("1_x.sql", "orders", "1_x.sql:3:1")


def test_deep_nesting_is_read_without_recursion() -> None:
    assert migration_of(read_text(f"-- migrate:up\nSELECT {'(' * 20_000}1{')' * 20_000};"))


PIECES = [
    "-- migrate:up",
    "-- migrate:down",
    "-- name: x",
    "\n",
    "\r",
    "\r\n",
    "'",
    "$$",
    "/*",
    "*/",
    "SELECT 1;",
    "\x00",
    "\\.",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(st.characters(codec="utf-8"), max_size=5), max_size=30).map("".join))
def test_any_text_is_a_migration_or_problems_with_their_file(text: str) -> None:
    read = read_sql("1_a.sql", text.encode(), text)
    if not isinstance(read, Migration):
        assert read
        assert {problem.file for problem in read} == {"1_a.sql"}
