"""Python migrations: how their files become code."""

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from app.adapters.printing import divide
from app.domain.migration import Action, PythonScript

MOST_LOADED = 8
"""More than there are jobs at work in one process."""

_loaded: dict[str, None] = {}


def load_action(script: PythonScript) -> Action:
    """The `up` or `down` of the file, ready to be awaited with a connection.

    Raises whatever the file raises, and TypeError when the method is not what it should be.
    """
    action = getattr(_owner(_module(script)), script.method, None)
    if not inspect.iscoroutinefunction(action) or not _takes_one(action):
        raise TypeError(f"`{script.method}` must be `async def {script.method}(self, connection)`")
    return action


def _module(script: PythonScript) -> ModuleType:
    """Where dataclasses, pickle and the like look for the names of the file: among the modules of the process."""
    name = "liftlock_migration_" + re.sub(r"\W", "_", script.file)
    module = ModuleType(name)
    divide()
    module.__file__ = str(Path(script.folder, script.file))
    _enter(name, module)
    exec(compile(script.text, script.file, "exec"), module.__dict__)  # noqa: S102 - a file of the configured folder
    return module


def _enter(name: str, module: ModuleType) -> None:
    """Whose files were loaded before it and are not at work any more need no place: they may hold much."""
    sys.modules[name] = module
    _loaded.pop(name, None)
    _loaded[name] = None
    while len(_loaded) > MOST_LOADED:
        oldest = next(iter(_loaded))
        del _loaded[oldest]
        sys.modules.pop(oldest, None)


def _takes_one(action: Callable[..., object]) -> bool:
    try:
        inspect.signature(action).bind(None)
    except TypeError:
        return False
    return True


def _owner(module: ModuleType) -> Any:
    """The class that bears `up`, made without arguments; or the module itself."""
    if hasattr(module, "up"):
        return module
    owners = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and value.__module__ == module.__name__ and hasattr(value, "up")
    ]
    if len(owners) != 1:
        raise TypeError(f"the file has {len(owners)} classes with an `up`; it must have one")
    return owners[0]()
