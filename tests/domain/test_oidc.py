"""What the claims of an identity provider say of their holder."""

from datetime import UTC, datetime

import pytest

from app.domain.oidc import end_of


@pytest.mark.parametrize("exp", [1796000000, 1796000000.9, "1796000000"])
def test_a_caller_is_let_in_until_the_token_ends_and_clocks_may_differ(exp: object) -> None:
    assert end_of({"exp": exp}) == datetime.fromtimestamp(1796000030, UTC)


@pytest.mark.parametrize("exp", [10**30, "soon", None])
def test_an_end_that_no_clock_can_say_is_none(exp: object) -> None:
    assert end_of({"exp": exp}) is None
