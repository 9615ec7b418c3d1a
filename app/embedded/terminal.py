"""Ctrl-C, TERM and HUP as a wish to stop, never as an exception in the middle of a start."""

import signal
import sys
from types import FrameType
from typing import Any

from app.embedded.children import Patience

_WISHES = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HURRIED_S = 1.0


class Interrupts:
    """Handlers while inside the `with`; a Ctrl-C after the first wish shortens every wait from there on."""

    def __init__(self) -> None:
        self.wished = False
        self._hurried = False
        self._patience: Patience | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interrupts":
        # Set also where it was ignored: a shell starts background jobs with SIGINT ignored.
        self._before = {number: signal.signal(number, self._hear) for number in _WISHES}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def patience(self, seconds: float) -> Patience:
        self._patience = Patience(_HURRIED_S if self._hurried else seconds)
        return self._patience

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if self.wished and number == signal.SIGINT:
            self._hurried = True
            if self._patience is not None:
                self._patience.hurry(_HURRIED_S)
        self.wished = True


def say(text: str) -> None:
    """A line for the person at the terminal; a terminal that is gone must not keep us from stopping."""
    try:
        print(text, flush=True)
    except OSError:
        return


def complain(text: str) -> None:
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        return
