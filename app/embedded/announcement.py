"""Waits beside the supervision until the API is ready, says so, and calls whoever waits for it."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from app.embedded.children import end_of_log
from app.embedded.options import StackInfo
from app.embedded.readiness import Answer, NotReady, wait_ready
from app.embedded.terminal import complain, say

_READY_S = 90.0


class Announced(Protocol):
    @property
    def info(self) -> StackInfo: ...
    @property
    def servers(self) -> str: ...


class Announcement:
    """The children are started and watched by the main thread: on Linux they die with the *thread* that
    started them (prctl(2)), and only the main thread is sure to be the last."""

    def __init__(self, stack: Announced, begun: float, on_ready: Callable[[StackInfo], None] | None) -> None:
        self._stack = stack
        self._begun = begun
        self._on_ready = on_ready
        self._hushed = False
        self._code: int | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="announcement", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def hush(self) -> None:
        """The stack is stopping: that the API is not ready is no news any more."""
        self._hushed = True

    def verdict(self) -> int | None:
        """The exit code when it wishes the stack to end, None else; what it failed with is raised."""
        if self._error is not None:
            raise self._error
        return self._code

    def _run(self) -> None:
        try:
            answer = self._wait()
            say(self._text())
            if answer.away:
                say(f"Degraded: {answer}.")
            if self._on_ready is not None:
                self._on_ready(self._stack.info)
        except SystemExit as wish:
            self._code = _exit_code(wish.code)
        except BaseException as error:  # handed over to the main thread, which raises it
            self._error = error

    def _wait(self) -> Answer:
        url = self._stack.info.api_url
        try:
            return wait_ready(url, deadline=time.monotonic() + _READY_S, tell=self._tell)
        except NotReady:
            log = self._stack.info.logs / "api.log"
            complain(f"The end of {log}:\n{end_of_log(log)}")
            raise

    def _tell(self, reason: str) -> None:
        if not self._hushed:
            say(f"The API is not ready yet: {reason}. Logs in {self._stack.info.logs}")

    def _text(self) -> str:
        info = self._stack.info
        return (
            f"Liftlock is ready after {time.monotonic() - self._begun:.1f} s: {info.api_url}\n"
            f"{self._stack.servers}\n"
            f"Logs in {info.logs}, addresses and pids in {info.data_dir / 'stack.json'}\n"
            f"Ctrl-C stops everything."
        )


def _exit_code(code: object) -> int:
    match code:
        case None:
            return 0
        case int():
            return code
        case _:
            complain(str(code))
            return 1
