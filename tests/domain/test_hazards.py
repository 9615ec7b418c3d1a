"""Codes of hazards are stable words: looked up exactly, near ones named, each with an address and a row in the docs."""

from pathlib import Path

import pytest

from app.domain.environment import Protection
from app.domain.hazard_kinds import KINDS
from app.domain.hazards import HazardCode, asks, code_of, near_codes, slug_of, unknown_code, unknown_codes

PAGE = Path(__file__).resolve().parents[2] / "docs" / "hazards.md"


def test_a_code_is_itself_in_text() -> None:
    assert all(code.name == code.value for code in HazardCode)
    assert code_of("TABLE_REWRITE") is HazardCode.TABLE_REWRITE
    assert code_of("table_rewrite") is None


@pytest.mark.parametrize(("wrong", "near"), [
    ("table-rewrite", "TABLE_REWRITE"), ("DATALOSS", "DATA_LOSS"), ("hazard-index-build", "INDEX_BUILD"),
])  # fmt: skip
def test_near_codes_are_named(wrong: str, near: str) -> None:
    assert near_codes(wrong)[0] == near
    assert f"did you mean {near}" in unknown_code(wrong)


def test_each_code_that_does_not_exist_is_a_problem() -> None:
    assert unknown_codes(["DATA_LOSS", "DATALOSS", "INDEX_BUILD"]) == (unknown_code("DATALOSS"),)


def test_its_address_is_made_of_its_name() -> None:
    assert slug_of(HazardCode.TABLE_REWRITE) == "hazard-table-rewrite"


def test_a_stricter_protection_asks_for_all_that_a_milder_one_asks_for() -> None:
    for kind in KINDS.values():
        asked = [asks(kind, protection) for protection in Protection]
        assert asked == sorted(asked)
    assert [code for code, kind in KINDS.items() if asks(kind, Protection.OPEN)] == ["SERVER_PROGRAM", "SERVER_SETTING"]


def test_the_page_has_the_words_of_each() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for code, kind in KINDS.items():
        assert f"| `{code}` | {kind.risk} | {kind.asks_from or 'never'} | {kind.happens} | {kind.to_do} |" in page
        assert f"`-- liftlock: allow {code} reason`" in page or kind.asks_from is None
