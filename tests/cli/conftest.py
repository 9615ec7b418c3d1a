"""A terminal in an empty folder, with the application behind it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.stand import ONE, TWO, Stand, standing
from tests.cli.typed import Terminal, Worked


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """Two of three migrations are applied in both environments. For tests that change nothing of it."""
    with standing(applied=(ONE, TWO)) as stand:
        yield stand


@pytest.fixture
def terminal(stand: Stand, tmp_path: Path) -> Terminal:
    return Terminal(tmp_path, Worked(stand))
