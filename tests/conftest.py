"""Fixtures for every test; servers start only when a test asks for them."""

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.memory import folder_in_memory, let_servers_in
from tests.support.servers import Servers, lent, running_servers, take_back

_IN_MEMORY = pytest.StashKey[Path]()
_WAITING = frozenset({"chaos", "embedded", "stack", "worker"})
"""Whose tests start processes and wait for them: all of them in one hand leave the processors to the others."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.option.basetemp is None and (folder := folder_in_memory()):
        config.option.basetemp = str(folder)
        config.stash[_IN_MEMORY] = folder


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks for servers needs them, marked or not: `make test-fast` starts none. Those that wait come first."""
    for item in items:
        if "servers" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.servers)
    items.sort(key=lambda item: item.path.parent.name not in _WAITING)


def pytest_collection_finish() -> None:
    """Thousands of tests stay to the end: nobody need look through them for garbage, or copy them in each fork."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := config.stash.get(_IN_MEMORY, None):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with running_servers(let_servers_in(tmp_path_factory.mktemp("servers"))) as running:
        yield running


@pytest.fixture(autouse=True)
def databases_go_with_their_test() -> Iterator[None]:
    before = lent()
    yield
    take_back(lent() - before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty migrations folder."""
    made = tmp_path / "migrations"
    made.mkdir()
    return made
