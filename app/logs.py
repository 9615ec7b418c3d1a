"""Logging at the edge: one line per transition, an event name and its ids, on standard error.

Whoever serves imports this before anything else of ours. Where rich is installed structlog loads it, and pygments with
it, to draw tracebacks: five megabytes in each process, for pictures that a line of a log never shows.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO, cast


@contextmanager
def _as_if_there_were_no(module: str) -> Iterator[None]:
    before = sys.modules.get(module)
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
        if before is not None:
            sys.modules[module] = before


with _as_if_there_were_no("rich"):
    import structlog


def logger() -> structlog.stdlib.BoundLogger:
    """As structlog.get_logger, for modules that are loaded before those of ours that ask it themselves."""
    found: structlog.stdlib.BoundLogger = structlog.get_logger()
    return found


def configure_logs(level: str) -> None:
    """JSON lines for machines; on a terminal, lines for people."""
    stream = _Unheard(sys.stderr)
    renderer = structlog.dev.ConsoleRenderer() if stream.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, stream)),
        cache_logger_on_first_use=True,
    )


class _Unheard:
    """What is said where nobody can take it down, a disk that is full or a pipe that nobody reads any more, is lost.
    It is no failure of what it is about: a request would be answered with 500 for it, and a job crash.

    `stream`: None where it was closed before the start.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def write(self, said: str) -> None:
        if self._stream is not None:
            with suppress(OSError):
                self._stream.write(said)

    def flush(self) -> None:
        if self._stream is not None:
            with suppress(OSError):
                self._stream.flush()
