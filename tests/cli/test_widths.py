"""What stands in columns keeps within the terminal, however long names are."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.api.spec import EXAMPLES
from app.cli.out import Out
from app.cli.status_text import listing_lines, status_lines
from app.client.documents.environments import Environment, Matrix
from app.client.documents.migrations import Migration
from app.client.reading import read

GIVEN: dict[str, Any] = json.loads(EXAMPLES.read_text(encoding="utf-8"))
LONG = "index_orders_by_the_customer_who_has_placed_them_first"
NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_a_long_name_is_cut_so_that_the_rest_of_its_line_fits(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    (row,) = GIVEN["Matrix"]["migrations"]
    matrix = read(Matrix, {**GIVEN["Matrix"], "migrations": [{**row, "name": LONG}]})
    listed = [read(Migration, {**GIVEN["Migration"], "name": LONG})]
    one = read(Environment, GIVEN["Environment"])

    lines = [line for line in status_lines(Out(), matrix, "shop", NOW, everything=True) if "index_orders" in line]
    lines += [line for line in listing_lines(Out(), one, listed, NOW) if "index_orders" in line]

    assert len(lines) == 2 and all(len(line) <= columns and "…" in line for line in lines)
