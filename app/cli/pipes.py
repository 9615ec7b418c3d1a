"""Output that nobody reads any more, as after `| head -1`."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class ReaderGone(Exception):
    """Whoever read the output has seen enough."""


@contextmanager
def noticing_that_nobody_reads() -> Iterator[None]:
    """click answers a broken pipe with 1, which here means a bug; what it does not know it lets pass."""
    try:
        yield
    except BrokenPipeError:
        raise ReaderGone from None


def write_nowhere_what_has_no_place() -> None:
    """Of a stream that was closed before the start (`>&-`) Python makes None, which nobody asks before writing."""
    # the descriptor that is free is given to the next file or socket: it is taken here, for as long as we run
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")


def fall_silent() -> None:
    """What is left in the buffers goes nowhere; Python would complain at exit of what it cannot write."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
