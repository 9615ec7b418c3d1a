"""What the integration tests share: which of them need more than the wheels bring."""

import os

import pytest

SYSTEM = os.environ.get("LIFTLOCK_SERVERS") == "system"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Those of the system's servers belong to `make test-full`."""
    away = [item for item in items if item.get_closest_marker("system")] if not SYSTEM else []
    if away:
        config.hook.pytest_deselected(items=away)
        items[:] = [item for item in items if item not in away]
