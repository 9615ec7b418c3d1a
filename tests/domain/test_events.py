"""What an event is about, for those who follow only some of them."""

from datetime import UTC, datetime

import pytest

from app.domain.events import LONGEST_LINE, Event, shown_line


def test_who_follows_an_environment_hears_of_each_of_its_targets() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert Event(1, noon, "environment.changed", "", environment="production.eu").topics == (
        "environment:production.eu", "environment:production",
    )  # fmt: skip
    assert Event(1, noon, "environment.changed", "", environment="staging").topics == ("environment:staging",)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("as it is: \u20ac \u4e2d", "as it is: \u20ac \u4e2d"),
        ("tab\there\u00a0and there \t", "tab here and there"),
        ("\x1b[31mred\x00\x07", "\ufffd[31mred\ufffd\ufffd"),
        ("half \ud83d of it", "half \ufffd of it"),
        ("progress\r100 %", "progress 100 %"),
        ("x" * LONGEST_LINE, "x" * LONGEST_LINE),
        ("x" * (LONGEST_LINE + 1), "x" * (LONGEST_LINE - 1) + "\u2026"),
    ],
)
def test_a_line_that_a_migration_has_said_is_safe_to_show(text: str, shown: str) -> None:
    assert shown_line(text) == shown
