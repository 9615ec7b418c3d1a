"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T | None], *, within_s: float = 15.0, every_s: float = 0.02) -> T:
    """The first true answer of `condition`; AssertionError when there is none in time."""
    deadline = time.monotonic() + within_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: the last answer was {answer!r}")
        time.sleep(every_s)
