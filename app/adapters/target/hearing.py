"""What a script says while it runs: the server's messages about it, and what a file in Python prints."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import asyncpg

from app.adapters.printing import LONGEST_LINE, printed_to
from app.domain.events import MOST_LINES

Tell = Callable[[str], None]
"""It is given one line, without its end."""


class Sayings:
    """What one step says, told once: where it is carried out again, only what it says otherwise."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._told: list[str] = []
        self._count = 0

    def listener(self) -> Tell:
        """For one time that it is carried out."""
        places = count()

        def hear(line: str) -> None:
            if self._count > MOST_LINES:
                # who says a million lines is not slowed down by each of them
                return
            place, line = next(places), line[:LONGEST_LINE]
            if self._told[place : place + 1] != [line]:
                self._told[place:] = [line]
                self._count += 1
                self._tell(line)

        return hear


@contextmanager
def hearing(connection: asyncpg.Connection, tell: Tell) -> Iterator[None]:
    """Whatever is said meanwhile, by the server to this connection or with `print` in this task, line by line."""

    def listen(_connection: Any, message: asyncpg.PostgresLogMessage) -> None:
        for line in told(message):
            tell(line)

    connection.add_log_listener(listen)
    try:
        with printed_to(tell):
            yield
    finally:
        connection.remove_log_listener(listen)


def told(message: asyncpg.PostgresLogMessage) -> Iterator[str]:
    """A message as psql shows it: `NOTICE: …`, with its detail and its hint below."""
    parts = ((message.severity_en, message.message), ("DETAIL", message.detail), ("HINT", message.hint))
    for kind, text in parts:
        if text:
            yield from f"{kind}: {text}".splitlines()
