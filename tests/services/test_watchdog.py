"""The watchdog lets go before the lease does."""

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest

from app.domain.job import Attempt
from app.portal import Portal
from app.services.lookout import Lookout
from app.services.watchdog import Watchdog
from tests.fakes.leases import MemoryLeases
from tests.services.floor import DEVELOPMENT, Floor
from tests.support.eventually import eventually

SOON_S = 0.2


class SlowLeases(MemoryLeases):
    """A renewal that takes a while to be answered, whatever is asked of it meanwhile."""

    under_way = False
    answered = 0

    async def renew(self, environment: str, attempt: Attempt, nonce: UUID) -> bool:
        self.under_way = True
        await asyncio.sleep(SOON_S)
        self.answered += 1
        self.under_way = False
        return True


@pytest.fixture
def portals() -> Iterator[tuple[Portal, Portal]]:
    made = Portal("services"), Portal("watchdog")
    yield made
    for portal in made:
        portal.close()


def test_a_renewal_under_way_is_answered_before_the_watch_ends(floor: Floor, portals: tuple[Portal, Portal]) -> None:
    """Answered after the release it would take the lease again, for nobody, and keep the next job waiting."""
    services, own = portals
    leases = SlowLeases(floor.clock, 30_000)
    lookout = Lookout(floor.claims, floor.locks, floor.observers, every_ms=5)
    watchdog = Watchdog(own, leases, floor.claims, lookout, ttl_ms=30_000, every_ms=5)

    attempt = floor.attempt()

    async def work() -> None:
        async with watchdog.watch(DEVELOPMENT, attempt, UUID(int=1)):
            await asyncio.to_thread(eventually, lambda: leases.under_way)

    services.run(work())

    assert not leases.under_way and leases.answered >= 1
