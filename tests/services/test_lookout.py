"""What the lookout remembers of a step between two looks."""

import asyncio
from dataclasses import dataclass, replace

from app.domain.locks import LockSample, Session
from app.domain.server_progress import ServerProgress
from app.services.lookout import Lookout, Watch
from tests.services.floor import DEVELOPMENT, Floor
from tests.support.eventually import eventually

BILLING = Session(42, application="billing")


@dataclass
class Working:
    """A session that works; only whom it is for the server counts here."""

    backend_pid: int = 7


def test_whom_a_step_waited_for_is_known_after_the_wait_has_ended(floor: Floor) -> None:
    """A look may fall between the end of a wait and the next try: it sees the step wait for nobody."""
    lookout = Lookout(floor.claims, floor.locks, floor.observers, every_ms=5)
    observer, attempt = floor.observers.observer, floor.attempt()
    watch = Watch(session=Working(), step=0)  # type: ignore[arg-type]
    waiting = LockSample(observer.seen.at, 7, 0, "AccessExclusiveLock", "orders", (BILLING,))

    async def work() -> None:
        looking = asyncio.create_task(lookout.look(DEVELOPMENT, attempt, watch))
        for seen in (waiting, observer.seen):
            observer.seen = seen
            await asyncio.to_thread(
                eventually, lambda: watch.sample is not None and watch.sample.waiting is observer.seen.waiting
            )
        looking.cancel()

    floor.portal.run(work())
    assert watch.sample is not None and not watch.sample.waiting
    assert "pid 42 (billing)" in (watch.waits_for or "")
    watch.step = 1
    assert watch.waits_for is None


def test_how_far_the_server_is_is_said_until_the_statement_is_over(floor: Floor) -> None:
    lookout = Lookout(floor.claims, floor.locks, floor.observers, every_ms=5)
    observer, attempt = floor.observers.observer, floor.attempt()
    told: list[str] = []
    watch = Watch(session=Working(), step=0, doing="applying a (1)", tell=told.append)  # type: ignore[arg-type]
    at_10 = ServerProgress("CREATE INDEX", "building index: scanning table", "orders", 10, 100)
    waiting = LockSample(observer.seen.at, 7, 0, "AccessExclusiveLock", "orders", (BILLING,))

    async def work() -> None:
        looking = asyncio.create_task(lookout.look(DEVELOPMENT, attempt, watch))
        for count, now in enumerate((at_10, replace(at_10, done=20), None), 1):
            observer.at = now
            await asyncio.to_thread(eventually, lambda count=count: len(told) == count)
        observer.at, observer.seen = at_10, waiting
        await asyncio.to_thread(eventually, lambda: watch.sample is not None and watch.sample.waiting)
        looking.cancel()

    floor.portal.run(work())
    share = "applying a (1); CREATE INDEX on orders: building index: scanning table"
    assert told == [f"{share}, 10 %", f"{share}, 20 %", "applying a (1)"]
