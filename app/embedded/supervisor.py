"""Watches children and starts those that die again, until one of them is hopeless."""

import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from app.embedded.children import end_of_log
from app.embedded.restarts import STEADY_S, Restarts
from app.embedded.startup import ServerFailed
from app.embedded.terminal import say


class Supervised(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def log(self) -> Path: ...
    def poll(self) -> int | None: ...
    def start(self) -> None: ...


class Hopeless(Exception):
    """A child that kept ending right after its start."""

    def __init__(self, name: str, times: int, reason: str, log: Path) -> None:
        super().__init__(
            f"{name} ended {times} times in a row, each time within {STEADY_S:.0f} s of its start "
            f"({reason}). Everything is stopped. The end of {log}:\n{end_of_log(log)}"
        )


@dataclass(slots=True)
class _Watch:
    child: Supervised
    started: float
    restarts: Restarts = field(default_factory=Restarts)
    due: float | None = None


class Supervisor:
    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._watches: list[_Watch] = []

    def start(self, children: Iterable[Supervised]) -> None:
        for child in children:
            self._watches.append(_Watch(child, time.monotonic()))
            child.start()

    def check(self) -> None:
        """Note who died, start whose pause is over. Raises Hopeless."""
        for watch in self._watches:
            if watch.due is None:
                self._note_death(watch)
            elif time.monotonic() >= watch.due:
                self._start_again(watch)

    def _note_death(self, watch: _Watch) -> None:
        code = watch.child.poll()
        if code is not None:
            self._schedule(watch, code, _in_words(code))
            self._on_change()

    def _start_again(self, watch: _Watch) -> None:
        watch.started, watch.due = time.monotonic(), None
        try:
            watch.child.start()
        except ServerFailed as failure:
            self._schedule(watch, 1, str(failure))
            return
        self._on_change()

    def _schedule(self, watch: _Watch, code: int, reason: str) -> None:
        now = time.monotonic()
        watch.restarts = watch.restarts.after(now - watch.started, code)
        if watch.restarts.hopeless:
            raise Hopeless(watch.child.name, watch.restarts.quick_failures, reason, watch.child.log)
        watch.due = now + watch.restarts.pause_s
        say(f"{watch.child.name} ended ({reason}); it is started again. Log: {watch.child.log}")


def _in_words(code: int) -> str:
    if code >= 0:
        return f"code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
