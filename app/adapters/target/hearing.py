"""What a script says while it runs: the server's messages about it, and what a file in Python prints."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO, cast

import asyncpg

Tell = Callable[[str], None]
"""It is given one line, without its end."""
LONGEST_LINE = 10_000
"""What is printed without an end of the line is told in pieces of about so many characters."""


@contextmanager
def hearing(connection: asyncpg.Connection, tell: Tell) -> Iterator[None]:
    """Whatever is said meanwhile, by the server to this connection or with `print` in this task, line by line."""

    def listen(_connection: Any, message: asyncpg.PostgresLogMessage) -> None:
        for line in told(message):
            tell(line)

    printed = _Lines(tell)
    connection.add_log_listener(listen)
    token = _printed.set(printed)
    if not isinstance(sys.stdout, _Divided):
        sys.stdout = cast(TextIO, _Divided(sys.stdout))
    try:
        yield
    finally:
        _printed.reset(token)
        connection.remove_log_listener(listen)
        printed.end()


def told(message: asyncpg.PostgresLogMessage) -> Iterator[str]:
    """A message as psql shows it: `NOTICE: …`, with its detail and its hint below."""
    parts = ((message.severity_en, message.message), ("DETAIL", message.detail), ("HINT", message.hint))
    for kind, text in parts:
        if text:
            yield from f"{kind}: {text}".splitlines()


class _Lines:
    """Whole lines of what comes in pieces."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._begun = ""

    def write(self, text: str) -> None:
        *whole, self._begun = f"{self._begun}{text}".split("\n")
        for line in whole:
            self._tell(line)
        if len(self._begun) > LONGEST_LINE:
            self.end()

    def end(self) -> None:
        if self._begun:
            self.write("\n")


_printed: ContextVar[_Lines | None] = ContextVar("printed", default=None)


class _Divided:
    """Standard output, but for the tasks whose steps are listened to: several may be at work in one process."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        lines = _printed.get()
        if lines is None:
            return self._stream.write(text)
        lines.write(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
