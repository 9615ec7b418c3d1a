"""MeasuringService: the state of the whole service for those who watch it, asked for at most every few seconds."""

import asyncio
from datetime import datetime, timedelta

from app.domain.axes import Standing
from app.domain.census import Census, Process, Reading
from app.domain.errors import BackendUnavailable
from app.ports import Clock, Muster
from app.services.sync import EnvironmentSyncService

COUNTED_FOR = timedelta(seconds=5)
LOOKED_FOR = timedelta(seconds=15)
SEEN_EVERY = timedelta(seconds=10)


class MeasuringService:
    def __init__(self, muster: Muster, sync: EnvironmentSyncService, clock: Clock) -> None:
        self._muster, self._sync, self._clock = muster, sync, clock
        self._lock: asyncio.Lock | None = None
        self._census: tuple[datetime, Census] | None = None
        self._pending: tuple[datetime, dict[str, int | None]] | None = None
        self._said_at: datetime | None = None

    async def read(self) -> Reading:
        """Of many who ask at once, one looks."""
        self._lock = self._lock or asyncio.Lock()
        async with self._lock:
            try:
                return Reading(await self._counted(), await self._looked())
            except BackendUnavailable:
                return Reading(None, {})

    async def say_here(self, process: Process) -> None:
        """This one is at work: called often, written seldom. Raises BackendUnavailable."""
        now = self._clock.now()
        if not _is_fresh(self._said_at, SEEN_EVERY, now):
            await self._muster.seen(process)
            self._said_at = now

    async def say_gone(self, process: Process) -> None:
        """Raises BackendUnavailable; whoever cannot say it is taken for gone a little later."""
        if self._said_at is not None:
            await self._muster.gone(process.name)

    async def _counted(self) -> Census:
        now = self._clock.now()
        if self._census is None or not _is_fresh(self._census[0], COUNTED_FOR, now):
            self._census = now, await self._muster.count()
        return self._census[1]

    async def _looked(self) -> dict[str, int | None]:
        """Targets are asked less often than the control database: they belong to others."""
        now = self._clock.now()
        if self._pending is None or not _is_fresh(self._pending[0], LOOKED_FOR, now):
            standings = await self._sync.standings()
            self._pending = now, {one.environment.name: _pending(one) for one in standings}
        return self._pending[1]


def _pending(standing: Standing) -> int | None:
    return None if standing.sync.evidence is None else standing.sync.evidence.pending.count


def _is_fresh(at: datetime | None, good_for: timedelta, now: datetime) -> bool:
    """A clock that was set back makes it old, never young."""
    return at is not None and at <= now < at + good_for
