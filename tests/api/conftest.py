"""One stand for each test."""

from collections.abc import Iterator

import pytest

from tests.api.stand import Stand, standing


@pytest.fixture
def stand() -> Iterator[Stand]:
    with standing() as made:
        yield made
