"""The environments of a liftlock.toml as the service would read them, but for what its variables and files hold."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.registry.environments import read_environments

DEFAULT_NAME = "liftlock.toml"
_REFERENCE = re.compile(r"(env|file):(.+)")


def problems_in(file: Path) -> list[str]:
    """A line for each; none where the file names no environments.

    What an `env:NAME` or `file:PATH` leads to is for the service to see, so each stands for an address of its own.
    Raises OSError, or ValueError for what is no TOML.
    """
    text = file.read_text(encoding="utf-8-sig")
    document = tomllib.loads(text)
    if "environments" not in document:
        return []
    names: dict[str, str] = {}
    return read_environments(_renamed(document, names), names, file.name, text)[1]


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """Every reference as one to a variable, which `names` then holds."""
    match value:
        case Mapping():
            return {key: _renamed(one, names) for key, one in value.items()}
        case list():
            return [_renamed(one, names) for one in value]
        case str() if found := _REFERENCE.fullmatch(value):
            name = found[2] if found[1] == "env" else re.sub(r"\W", "_", value)
            names[name] = f"postgresql://{name.lower().replace('_', '-')}/{name.lower()}"
            return f"env:{name}"
        case _:
            return value
