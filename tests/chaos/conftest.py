"""What the tests under faults share: which of them are long, and where their processes come from."""

import os
from collections.abc import Iterator

import pytest

from tests.chaos.hand import import_before_forking
from tests.chaos.harbour import Harbour, harbour
from tests.chaos.load import write_migrations

FULL = os.environ.get("LIFTLOCK_CHAOS") == "full"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long ones belong to `make chaos`."""
    long = [item for item in items if item.get_closest_marker("long")] if not FULL else []
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session", autouse=True)
def fork_server() -> None:
    import_before_forking()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    """A harbour with well-behaved migrations, shared by the tests of a module."""
    with harbour(tmp_path_factory.mktemp("harbour")) as running:
        write_migrations(running.migrations, misbehaving=False)
        yield running
