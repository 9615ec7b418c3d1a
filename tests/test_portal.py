"""The bridge from threads to the loop: what comes over it, and what becomes of work whose caller is gone."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from app import portal as portals
from app.portal import Portal, PortalClosed
from tests.support.eventually import eventually

FOR_EVER_S = 600


class Interrupted(BaseException):
    """What a signal raises in the thread that waits."""


@pytest.fixture
def portal() -> Iterator[Portal]:
    made = Portal("test")
    yield made
    made.close()


def test_the_result_comes_back_and_so_does_what_the_work_raises(portal: Portal) -> None:
    async def works() -> int:
        await asyncio.sleep(0)
        return 7

    async def fails() -> None:
        raise KeyError("why")

    assert portal.run(works()) == 7
    with pytest.raises(KeyError, match="why"):
        portal.run(fails())


def test_many_threads_have_one_loop(portal: Portal) -> None:
    async def where(number: int) -> tuple[int, int]:
        await asyncio.sleep(0)
        return number, threading.get_ident()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: portal.run(where(number)), range(100)))
    assert [number for number, _ in found] == list(range(100))
    assert len({thread for _, thread in found}) == 1


def test_the_work_sees_the_context_of_its_caller(portal: Portal) -> None:
    name: ContextVar[str] = ContextVar("name", default="nobody")
    name.set("ann")

    async def look() -> str:
        return name.get()

    assert portal.run(look()) == "ann"


def test_the_loop_does_not_wait_for_itself(portal: Portal) -> None:
    async def nothing() -> None: ...

    async def asks() -> None:
        portal.run(nothing())

    with pytest.raises(RuntimeError, match="own loop thread"):
        portal.run(asks())


def interrupted(portal: Portal, *, stubborn: bool = False) -> None:
    """The caller of work that never ends is interrupted while it waits."""
    begun = threading.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(FOR_EVER_S)
        finally:
            if stubborn:
                await asyncio.sleep(FOR_EVER_S)

    def interrupt() -> None:
        begun.wait(10)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def handle(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, handle)
    other = threading.Thread(target=interrupt)
    other.start()
    try:
        portal.run(work())
    finally:
        other.join()
        signal.signal(signal.SIGUSR1, before)


async def others() -> int:
    """How many tasks there are beside the one that asks."""
    return len(asyncio.all_tasks()) - 1


def test_work_whose_caller_is_interrupted_has_ended_before_the_caller_goes_on(portal: Portal) -> None:
    with pytest.raises(Interrupted):
        interrupted(portal)
    assert portal.run(others()) == 0


def test_work_that_would_not_end_is_said_so(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched, pytest.raises(TimeoutError, match="did not end when it was cancelled"):
        patched.setattr(portals, "GRACE_S", 0.05)
        interrupted(portal, stubborn=True)


def test_who_waits_when_the_portal_closes_is_let_go() -> None:
    portal, begun = Portal("test"), threading.Event()

    async def work() -> None:
        begun.set()
        await asyncio.sleep(FOR_EVER_S)

    async def never() -> None: ...

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(portal.run, work())
        assert begun.wait(10)
        portal.close()
        with pytest.raises(CancelledError):
            waiting.result(10)
    asked = never()
    with pytest.raises(PortalClosed):
        portal.run(asked)
    asked.close()


def test_work_that_is_cancelled_before_its_first_step_lets_its_caller_go_too(portal: Portal) -> None:
    steps: list[str] = []

    async def work() -> None:
        steps.append("begun")
        await asyncio.sleep(FOR_EVER_S)

    loop, held = portal._started(), threading.Event()
    loop.call_soon_threadsafe(held.wait, 10)
    awaited = portals._Awaited(loop, work())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(awaited.result)
        eventually(lambda: len(loop._ready) > 0)  # type: ignore[attr-defined]
        loop.call_soon_threadsafe(awaited._cancel)
        held.set()
        with pytest.raises(CancelledError):
            waiting.result(10)
    assert steps == []
    assert portal.run(others()) == 0


def test_work_whose_caller_is_interrupted_before_it_begins_is_not_waited_for(portal: Portal) -> None:
    async def work() -> None:
        raise AssertionError("it has begun")

    awaited = portals._Awaited(portal._started(), work())
    awaited.stop()
    assert awaited._result.cancelled()
    assert portal.run(others()) == 0
