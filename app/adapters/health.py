"""Whether the servers that Liftlock leans on answer now."""

import asyncio
from dataclasses import dataclass

from redis.exceptions import RedisError
from sqlalchemy import text

from app.adapters.control.database import ControlDatabase
from app.adapters.lease import connect_redis
from app.domain.errors import BackendUnavailable


@dataclass(frozen=True, slots=True)
class Check:
    """One server: `needed` servers make the service unready when they are away, the others only slower."""

    name: str
    ok: bool
    needed: bool
    detail: str


class BackendHealth:
    def __init__(self, database: ControlDatabase, redis_url: str) -> None:
        self._database = database
        self._redis_url = redis_url

    async def checks(self) -> tuple[Check, ...]:
        return tuple(await asyncio.gather(self._control_database(), self._redis()))

    async def _control_database(self) -> Check:
        try:
            async with self._database.begin() as connection:
                await connection.execute(text("SELECT 1 FROM liftlock_control.idempotency_keys LIMIT 1"))
        except BackendUnavailable as error:
            return Check("postgresql", ok=False, needed=True, detail=error.detail)
        return Check("postgresql", ok=True, needed=True, detail="answers")

    async def _redis(self) -> Check:
        redis = connect_redis(self._redis_url)
        try:
            await redis.ping()
        except (RedisError, OSError) as error:
            said = f"cannot be reached ({type(error).__name__}); jobs are accepted and wait until it is back"
            return Check("redis", ok=False, needed=False, detail=said)
        finally:
            await redis.aclose()
        return Check("redis", ok=True, needed=False, detail="answers")
