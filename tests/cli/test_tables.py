"""Tables keep within the terminal by going on in a further line; nothing somebody wants to paste is cut."""

import sys

import pytest

from app.cli.out import Out, table

JOB = "01a22a2c-7a58-7367-9dea-f80fa5ae4366"
HEADS = ("STATE", "JOB", "KIND", "ENVIRONMENT", "ASKED", "TOOK", "")
ROW = ("needs_attention", JOB, "rollback", "development", "12 m ago", "1.5 s", "orders is half undone, " * 9)


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_what_does_not_fit_beside_the_rest_stands_below_it(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    head, *lines = table(Out(), HEADS, [ROW], 0)

    assert all(len(line) <= columns for line in (head, *lines))
    said = " ".join(lines)
    assert all(cell in said for cell in ("‽ needs attention", JOB, "rollback", "development", "12 m ago", "1.5 s"))
    assert "orders is half undone" in said and lines[-1].endswith("…")


def test_where_there_is_room_a_row_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert len(table(Out(), HEADS, [ROW, ROW], 0)) == 3


def test_heads_are_folded_as_their_rows_are_and_empty_lines_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert table(Out(), ("NAME", "KEPT UNTIL"), [("a" * 10, "2027-01-29"), ("b", "")]) == [
        "NAME",
        "    KEPT UNTIL",
        "a" * 10,
        "    2027-01-29",
        "b",
    ]


def test_a_state_is_coloured_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "12")
    *_, line = table(Out(colour=True), ("NAME", "STATE"), [("a" * 10, "failed")], 1)
    assert line == "    \x1b[31m✕ failed\x1b[0m"


def test_a_row_that_goes_into_a_pipe_is_one_whole_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sys, "__stdout__", None)
    _, line = table(Out(), HEADS, [ROW], 0)
    assert line.endswith("orders is half undone,")
