"""A clock that moves when it is told to; ids still sort by their time of birth."""

import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.domain.ids import uuid7

START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


class FakeClock:
    """Implements ports.Clock. A pause passes at once."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._numbers = itertools.count(1)

    def now(self) -> datetime:
        return self._now

    async def pause(self, seconds: float) -> None:
        self.advance(seconds)

    def random(self) -> float:
        return 0.5

    def new_id(self) -> UUID:
        return uuid7(int(self._now.timestamp() * 1000), next(self._numbers) << 40)

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
