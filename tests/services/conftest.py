from collections.abc import Iterator

import pytest

from tests.services.floor import Floor


@pytest.fixture
def floor() -> Iterator[Floor]:
    made = Floor()
    yield made
    made.portal.close()
    made.watchdog_portal.close()
