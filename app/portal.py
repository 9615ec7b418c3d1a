"""The one bridge from sync callers (Flask, Celery, the command line) to async code.

One event loop in one thread for each portal, made on first use and forgotten after a fork: a loop thread
made before a fork hangs the child, and clients that belong to a loop must live and die on it.
"""

import asyncio
import os
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

import structlog

T = TypeVar("T")

log = structlog.get_logger()

GRACE_S = 10.0
MOST_THREADS = 128
"""Made when they are needed. Looking up a name takes one for as long as the resolver takes: with the few that Python
has by default, a handful of targets whose names nobody resolves would keep everybody else from reading a file."""


class PortalClosed(RuntimeError):
    """The process is going down: nothing more can be run here."""


class Background:
    """Work that goes on beside its caller. `ended` is done when it has ended, and not when it is told to.

    It raises what the work has raised, but for its cancellation.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
        self.ended: Future[None] = Future()
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        loop.call_soon_threadsafe(self._begin, work)

    def call(self, function: Callable[[], object]) -> None:
        """On the loop of the work, after it has begun."""
        self._loop.call_soon_threadsafe(function)

    def cancel(self) -> None:
        self.call(self._cancel)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = self._loop.create_task(work)
        self._task.add_done_callback(self._end)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _end(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)


class _Awaited(Generic[T]):
    """Work that a thread waits for.

    What asyncio has for it wakes the thread one turn of the loop later: it is told here by the work's own last step.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> None:
        self._loop = loop
        self._work = work
        self._result: Future[T] = Future()
        self._task: asyncio.Task[None] | None = None

    def result(self) -> T:
        """Begin, and wait for the end. Raises what the work has raised, or CancelledError."""
        self._loop.call_soon_threadsafe(self._begin)
        return self._result.result()

    def stop(self) -> None:
        """Cancelled, where it goes on, and ended. Raises TimeoutError when it would not end."""
        if self._result.done():
            return
        self._loop.call_soon_threadsafe(self._cancel)
        try:
            self._result.exception(GRACE_S)
        except CancelledError:
            return
        except TimeoutError:
            raise TimeoutError("the work did not end when it was cancelled") from None

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._carry_out())
        self._task.add_done_callback(self._settle)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        else:
            # its caller was interrupted before it had begun
            self._work.close()
            self._result.cancel()

    async def _carry_out(self) -> None:
        self._result.set_result(await self._work)

    def _settle(self, task: "asyncio.Task[None]") -> None:
        """It has failed, or was cancelled, perhaps before its first step."""
        self._work.close()
        if self._result.done():
            return
        error = None if task.cancelled() else task.exception()
        if error is None:
            self._result.cancel()
        else:
            self._result.set_exception(error)


class Portal:
    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closers: list[Callable[[], Awaitable[object]]] = []
        self._closed = False
        _all_portals.add(self)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the loop and wait for it. Never call this on the loop's own thread.

        When the waiting thread is interrupted (a signal), the work is cancelled and has ended before this
        raises; TimeoutError says that it would not end.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("Portal.run() was called on its own loop thread")
        awaited = _Awaited(self._started(), work)
        try:
            return awaited.result()
        except BaseException:
            awaited.stop()
            raise

    def start(self, work: Coroutine[Any, Any, None]) -> "Background":
        """Begin `work` on the loop and go on; see `Background`."""
        return Background(self._started(), work)

    def on_close(self, close: Callable[[], Awaitable[object]]) -> None:
        """Closers run on the loop, newest first, when the portal closes."""
        self._closers.append(close)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            loop, thread, self._loop = self._loop, self._thread, None
        if loop is None or thread is None:
            return
        try:
            asyncio.run_coroutine_threadsafe(self._drain(), loop).result(GRACE_S)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(GRACE_S)

    def _forget(self) -> None:
        """In a child after a fork: the parent's thread is not here, and its lock may be held for ever."""
        self._lock = threading.Lock()
        self._loop, self._thread = None, None

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is not None:
            return self._loop
        with self._lock:
            if self._closed:
                raise PortalClosed(f"the portal {self._name} is closed")
            if self._loop is None:
                self._loop = self._start()
            return self._loop

    def _start(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        loop.set_default_executor(ThreadPoolExecutor(MOST_THREADS, self._name))
        ready = threading.Event()
        self._thread = threading.Thread(target=_run_loop, args=(loop, ready), name=self._name, daemon=True)
        self._thread.start()
        ready.wait()
        return loop

    async def _drain(self) -> None:
        mine = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not mine]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for close in reversed(self._closers):
            try:
                await close()
            except Exception:
                log.exception("portal.closer_failed", portal=self._name)


_all_portals: "weakref.WeakSet[Portal]" = weakref.WeakSet()


def _forget_all() -> None:
    for portal in list(_all_portals):
        portal._forget()


os.register_at_fork(after_in_child=_forget_all)


def _run_loop(loop: asyncio.AbstractEventLoop, ready: threading.Event) -> None:
    asyncio.set_event_loop(loop)
    loop.call_soon(ready.set)
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
