"""Fixtures for every test; servers start only when a test asks for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import Servers, running_servers


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with running_servers(tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty migrations folder."""
    made = tmp_path / "migrations"
    made.mkdir()
    return made
