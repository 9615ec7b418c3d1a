"""Header lines that are nearly right are refused: passed over, they would be missed much later."""

import pytest

from tests.sources.reading import message_of, read_text


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-- Dependencies: b", "write -- dependencies: …"),
        ("--depends on: b", "write -- dependencies: …"),
        ("-- depends_on: b", "write -- dependencies: …"),
        ("-- IRREVERSIBLE: no way", "write -- irreversible: …"),
    ],
)
def test_a_header_that_would_be_passed_over_is_refused(line: str, expected: str) -> None:
    assert expected in message_of(read_text(f"{line}\n-- migrate:up\nSELECT 1;"))
    assert not isinstance(read_text(f"-- migrate:up\n{line}\nSELECT 1;"), tuple)
