"""Standard output, divided among the tasks that print to it: several jobs may be at work in one process."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO, cast

LONGEST_LINE = 10_000
"""What is printed on one line behind so many characters is dropped."""


@contextmanager
def printed_to(tell: Callable[[str], None]) -> Iterator[None]:
    """What is printed in this task meanwhile, and in those that it starts, is told line by line."""
    lines = _Lines(tell)
    divide()
    divided = sys.stdout
    token = _printed.set(lines)
    try:
        yield
    finally:
        _printed.reset(token)
        sys.stdout = divided  # a file may have put something else in its place
        lines.end()


def divide() -> None:
    """From now on; whoever keeps `sys.stdout` for later, as handlers of logging do, has to have found this."""
    if not isinstance(sys.stdout, _Divided):
        sys.stdout = cast(TextIO, _Divided(sys.stdout))


class _Lines:
    """Whole lines of what comes in pieces."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._begun = ""

    def write(self, text: str) -> None:
        more, *lines = text.split("\n")
        for line in lines:
            self._tell(self._with(more))
            self._begun, more = "", line
        self._begun = self._with(more)

    def end(self) -> None:
        if self._begun:
            self.write("\n")

    def _with(self, more: str) -> str:
        return self._begun + more[: LONGEST_LINE - len(self._begun)]


_printed: ContextVar[_Lines | None] = ContextVar("printed", default=None)


class _Divided:
    """Standard output, but for the tasks that are listened to."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        lines = _printed.get()
        if lines is None:
            return self._stream.write(text)
        lines.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
