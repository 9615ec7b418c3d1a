"""Variables of the environment, read one by one; what is wrong with them is collected."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})


class Variables:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def secret(self, name: str) -> str | None:
        """Itself, or `file:PATH`. What it holds is never said, also where it is wrong."""
        given = self.text(name, "")
        if not given.startswith("file:"):
            return given or None
        path = Path(given.removeprefix("file:"))
        try:
            held = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            self.problems.append(f"{name}=file:{path}: this file cannot be read")
            return None
        if not held:
            # taken for a secret that is not set, it would switch off what it is for without a word
            self.problems.append(f"{name}=file:{path}: this file is empty")
        return held or None

    def text(self, name: str, default: str) -> str:
        return self.environ.get(name) or default

    def parsed(self, name: str, parse: Callable[[str], T | None], shape: str) -> T | None:
        given = self.environ.get(name)
        if not given:
            self.problems.append(f"{name} is not set; it takes {shape}")
            return None
        value = parse(given)
        if value is None:
            # the value may hold a password: it is not shown
            self.problems.append(f"{name} is not understood; it takes {shape}")
        return value

    def number(self, name: str, default: int, least: int, most: int) -> int:
        given = self.environ.get(name)
        if not given:
            return default
        try:
            value = int(given)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            self.problems.append(f"{name}={given}: takes a whole number from {least} to {most}")
            return default
        return value

    def flag(self, name: str) -> bool:
        given = self.environ.get(name, "").strip().lower()
        if given not in TRUE | FALSE:
            self.problems.append(f"{name}={given}: takes true or false")
        return given in TRUE

    def one_of(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """In whatever case it is written."""
        given = self.text(name, default)
        taken = next((one for one in choices if one.upper() == given.upper()), None)
        if taken is None:
            self.problems.append(f"{name}={given}: takes one of {', '.join(choices)}")
            return default
        return taken
