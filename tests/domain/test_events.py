"""What an event is about, for those who follow only some of them."""

from datetime import UTC, datetime

from app.domain.events import Event


def test_who_follows_an_environment_hears_of_each_of_its_targets() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert Event(1, noon, "environment.changed", "", environment="production.eu").topics == (
        "environment:production.eu", "environment:production",
    )  # fmt: skip
    assert Event(1, noon, "environment.changed", "", environment="staging").topics == ("environment:staging",)
