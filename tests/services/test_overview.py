"""Where environments stand, put together from what their targets say."""

import asyncio
from datetime import timedelta

from app.domain.environment import Dsn, Environment, Target
from app.domain.windows import Window, Windows
from app.services.overview import Overview
from tests.domain.literals import entry, sql
from tests.fakes.clock import FakeClock
from tests.fakes.drift import MemoryDrift
from tests.fakes.idempotency import MemoryIdempotencyKeys
from tests.fakes.jobs import JobStore
from tests.fakes.overview import MemoryEnvironmentLog
from tests.fakes.source import LiteralSource
from tests.fakes.targets import MemoryTargets

TARGETS = tuple(Target(name, Dsn(f"postgresql://ada@db/{name}")) for name in ("eu", "us"))
NEW_YEAR = Windows(allow=(Window("0 3 1 1 *", timedelta(hours=1)),))


def test_a_target_may_be_changed_when_the_whole_may() -> None:
    clock = FakeClock()
    log = MemoryEnvironmentLog(JobStore(clock, MemoryIdempotencyKeys(clock)), MemoryDrift(clock))
    overview = Overview(LiteralSource(), MemoryTargets(entry(sql("one"), 1)), log, clock)
    shop = Environment("shop", TARGETS[0].dsn, targets=TARGETS, windows=NEW_YEAR)

    found = asyncio.run(overview.one(shop))

    assert found.window is not None and not found.window.is_open
    assert [one.window for one in found.parts] == [found.window] * 2
