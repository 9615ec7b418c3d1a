"""The lease of a target in memory."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.job import Attempt
from app.ports import Clock, Held, HeldElsewhere


@dataclass(frozen=True, slots=True)
class Lease:
    attempt: Attempt
    nonce: UUID
    until: datetime


class MemoryLeases:
    """Implements ports.Leases. With `reachable` False it is as if Redis were away."""

    def __init__(self, clock: Clock, ttl_ms: int) -> None:
        self._clock = clock
        self._ttl = timedelta(milliseconds=ttl_ms)
        self._leases: dict[str, Lease] = {}
        self.reachable = True

    def hold(
        self, environment: str, attempt: Attempt, nonce: UUID
    ) -> AbstractAsyncContextManager[Held | HeldElsewhere]:
        return self._hold(environment, attempt, nonce)

    async def renew(self, environment: str, attempt: Attempt, nonce: UUID) -> bool:
        if not self.reachable:
            return True
        lease = self._live(environment)
        if lease is not None and (lease.attempt, lease.nonce) != (attempt, nonce):
            return False
        self._take(environment, attempt, nonce)
        return True

    @asynccontextmanager
    async def _hold(self, environment: str, attempt: Attempt, nonce: UUID) -> AsyncIterator[Held | HeldElsewhere]:
        held = self._acquire(environment, attempt, nonce)
        try:
            yield held
        finally:
            lease = self._live(environment)
            if held == Held() and lease is not None and (lease.attempt, lease.nonce) == (attempt, nonce):
                del self._leases[environment]

    def _acquire(self, environment: str, attempt: Attempt, nonce: UUID) -> Held | HeldElsewhere:
        if not self.reachable:
            return Held(reachable=False)
        lease = self._live(environment)
        older = lease is not None and lease.attempt.job_id == attempt.job_id and lease.attempt.number < attempt.number
        if lease is not None and not older:
            left_ms = round((lease.until - self._clock.now()).total_seconds() * 1000)
            return HeldElsewhere(str(lease.attempt.job_id), lease.attempt.number, left_ms)
        self._take(environment, attempt, nonce)
        return Held()

    def _take(self, environment: str, attempt: Attempt, nonce: UUID) -> None:
        self._leases[environment] = Lease(attempt, nonce, self._clock.now() + self._ttl)

    def _live(self, environment: str) -> Lease | None:
        lease = self._leases.get(environment)
        return lease if lease is not None and lease.until > self._clock.now() else None
