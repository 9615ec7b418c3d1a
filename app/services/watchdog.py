"""The watchdog: renews the lease and beats the job row while a migration works, from a thread of its own.

A migration may block the loop it runs on, so the watchdog has its own loop, and clients that belong to it.
What it finds is a flag, looked at between steps; safety never depends on it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import structlog

from app import failpoints
from app.domain.environment import Environment
from app.domain.job import Attempt
from app.portal import Background, Portal
from app.ports import JobClaims, Leases
from app.services.lookout import Lookout, Watch

LAST_BEAT_S = 1.0

log = structlog.get_logger()


class Watchdog:
    def __init__(
        self, portal: Portal, leases: Leases, claims: JobClaims, lookout: Lookout, *, ttl_ms: int, every_ms: int
    ) -> None:
        self._portal = portal
        self._leases = leases
        self._claims = claims
        self._lookout = lookout
        self._ttl_ms = ttl_ms
        self._every_s = every_ms / 1000

    @asynccontextmanager
    async def watch(self, environment: Environment, attempt: Attempt, nonce: UUID) -> AsyncIterator[Watch]:
        watch = Watch(cancelled_by=attempt.wishes.cancelled_by, paused_by=attempt.wishes.paused_by)
        over = asyncio.Event()
        beating = self._portal.start(self._beat(environment.name, attempt, nonce, watch, over))
        looking = self._portal.start(self._lookout.look(environment, attempt, watch))
        try:
            yield watch
        finally:
            # a renewal that is under way must be answered before the lease is released: it would take it again
            beating.call(over.set)
            looking.cancel()
            await _ends_of(beating, looking)
            beating.cancel()

    async def _beat(self, environment: str, attempt: Attempt, nonce: UUID, watch: Watch, over: asyncio.Event) -> None:
        while not watch.lost:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), self._every_s)
            if over.is_set():
                return
            # side by side: a Redis that does not answer must not make the job row's beat late
            renewing = self._leases.renew(environment, attempt, nonce)
            _, watch.lost = await asyncio.gather(renewing, self._is_over(attempt))
        log.warning("watchdog.lost", job=str(attempt.job_id), attempt=attempt.number)

    async def _is_over(self, attempt: Attempt) -> bool:
        try:
            failpoints.reach("watchdog.beat")
            return not await self._claims.beat(attempt, self._ttl_ms)
        except Exception as error:
            # whatever it is: a watchdog that stops would let the lease of a living migration lapse
            log.warning("watchdog.cannot_beat", job=str(attempt.job_id), error=str(error))
            return False


async def _ends_of(*works: Background) -> None:
    """Not longer than LAST_BEAT_S: a Redis that does not answer has nothing to take again either."""
    await asyncio.wait([asyncio.wrap_future(work.ended) for work in works], timeout=LAST_BEAT_S)
