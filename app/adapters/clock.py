"""Time, chance and ids of this machine."""

import asyncio
import random
import secrets
from datetime import UTC, datetime
from uuid import UUID

from app.domain.ids import uuid7


class SystemClock:
    """Implements ports.Clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def random(self) -> float:
        return random.random()  # noqa: S311 - jitter, not a secret

    def new_id(self) -> UUID:
        return new_id()


def new_id() -> UUID:
    return uuid7(int(datetime.now(UTC).timestamp() * 1000), secrets.randbits(74))
