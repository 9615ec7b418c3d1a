"""What every process looks after beside its work: the control tables, lapsed jobs, new files."""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Any

import structlog

from app import tracing
from app.domain.census import Process, ProcessKind
from app.domain.errors import BackendUnavailable, LiftlockError
from app.portal import PortalClosed
from app.release import release
from app.wiring import Services

FIRST_PAUSE_S = 0.2
GOODBYE_S = 2.0
"""Whoever has not said it is taken for gone a little later. A database that is silent would otherwise keep the process
for as long as a statement may take, and it is killed for that."""

log = structlog.get_logger()


class Caretaker:
    """Start it after the fork: its portals belong to the process that started it."""

    def __init__(
        self,
        services: Services,
        kind: ProcessKind,
        lint_ahead: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        """`lint_ahead`: where people ask for plans; a worker never waits for a linter."""
        self._services = services
        self._lint_ahead = lint_ahead
        self._process = Process(f"{socket.gethostname()}:{os.getpid()}", kind, release())
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="caretaker", daemon=True)
        # beside it: a receiver that takes its time must keep nobody from sweeping
        self._telling = threading.Thread(target=self._tell, name="notifier", daemon=True)

    def start(self) -> None:
        if self._services.settings.traces:
            tracing.send_traces(f"liftlock-{self._process.kind}")
        self._thread.start()
        if self._process.kind is ProcessKind.WORKER:
            self._telling.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=5)
        self._tried("goodbye", self._say_gone)

    def _run(self) -> None:
        """Servers may be away at start, and go away later: each round says so and the next tries again."""
        self._until_done("install", self._install)
        first_run_done = False
        while not self._stopping.is_set():
            first_run_done = first_run_done or self._tried("auto_run", self._submit_first_run)
            self._tried("sweep", self._sweep)
            self._tried("registry", self._refresh)
            self._tried("read_ahead", self._read_ahead)
            self._tried("lint_ahead", self._lint)
            self._tried("token_uses", self._write_uses)
            self._tried("presence", self._say_here)
            self._stopping.wait(self._services.settings.timing.sweep_every_ms / 1000)

    def _tell(self) -> None:
        while not self._stopping.wait(self._services.settings.timing.sweep_every_ms / 1000):
            self._tried("notify", self._notify)

    def _notify(self) -> None:
        """As long as there is something to be tried."""
        while not self._stopping.is_set() and self._services.sweeper_portal.run(self._services.notifier.round()):
            pass

    def _until_done(self, what: str, work: Callable[[], None]) -> None:
        pause_s = FIRST_PAUSE_S
        longest_s = self._services.settings.timing.sweep_every_ms / 1000
        while not self._stopping.is_set() and not self._tried(what, work):
            self._stopping.wait(pause_s)
            pause_s = min(pause_s * 2, longest_s)

    def _tried(self, what: str, work: Callable[[], None]) -> bool:
        try:
            work()
        except BackendUnavailable as error:
            log.warning(f"{what}.waits", why=error.detail)
            return False
        except LiftlockError as error:
            log.error(f"{what}.refused", why=error.detail)
            return False
        except (PortalClosed, CancelledError):
            # the process ends, and what was under way with it
            self._stopping.set()
            return False
        except Exception:
            log.exception(f"{what}.failed")
            return False
        return True

    def _install(self) -> None:
        self._services.portal.run(self._services.installer.install())
        self._services.portal.run(self._services.registry.begin())
        # the file may ask for more approvals than when it was last read
        self._services.portal.run(self._services.approvals.look_again())
        self._services.portal.run(self._services.schedules.configure())
        if self._process.kind is ProcessKind.API:
            self._services.removed.tell()

    def _submit_first_run(self) -> None:
        for environment in self._services.environments.run_at_start(asked=self._services.settings.auto_run):
            self._services.portal.run(self._services.auto_run.submit(environment))

    def _sweep(self) -> None:
        self._services.sweeper_portal.run(self._services.sweeper.sweep())

    def _refresh(self) -> None:
        self._services.portal.run(self._services.registry.refresh())

    def _read_ahead(self) -> None:
        """So that a request finds new files read already: parsing hundreds takes longer than all the rest of it."""
        self._services.portal.run(self._services.validation.read_ahead())

    def _write_uses(self) -> None:
        """Here, so that no request waits for it."""
        self._services.portal.run(self._services.authenticator.write_uses())

    def _say_here(self) -> None:
        self._services.portal.run(self._services.measuring.say_here(self._process))

    def _say_gone(self) -> None:
        self._services.portal.run(_in_time(self._services.measuring.say_gone(self._process)))

    def _lint(self) -> None:
        if self._lint_ahead is not None:
            self._services.portal.run(self._lint_ahead())


async def _in_time(goodbye: Coroutine[Any, Any, None]) -> None:
    try:
        async with asyncio.timeout(GOODBYE_S):
            await goodbye
    except TimeoutError:
        log.warning("goodbye.unsaid", why="the control database did not answer in time")
