"""Whether the servers that Liftlock leans on answer now."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from redis.exceptions import AuthenticationError, RedisError, ResponseError
from sqlalchemy import text

from app.adapters.control.database import ControlDatabase
from app.adapters.lease import ask_for_a_write, connect_redis
from app.domain.errors import BackendUnavailable

_INCOMPLETE = (
    "Liftlock's own tables are not yet those of this release; they are made at start (after a restore: "
    "restart it), or by their owner with python -m app.installing; the service's log says why they are not"
)

_READ_ONLY = (
    "it is read-only (a standby, or default_transaction_read_only is on): what is on record is answered, and every "
    "change refused; give the address of the primary, or take the setting back"
)


@dataclass(frozen=True, slots=True)
class Check:
    """One server: `needed` servers make the service unready when they are away, the others only slower."""

    name: str
    ok: bool
    needed: bool
    detail: str


class BackendHealth:
    """`is_complete`: whether Liftlock's own tables are those of this release; asked until they are,
    and anew after it was away."""

    def __init__(self, database: ControlDatabase, redis_url: str, is_complete: Callable[[], Awaitable[bool]]) -> None:
        self._database = database
        self._redis_url = redis_url
        self._is_complete = is_complete
        self._known_complete = False

    async def checks(self) -> tuple[Check, ...]:
        return tuple(await asyncio.gather(self._control_database(), self._redis()))

    async def _control_database(self) -> Check:
        try:
            async with self._database.begin() as connection:
                await connection.execute(text("SELECT 1 FROM liftlock_control.idempotency_keys LIMIT 1"))
                read_only = (await connection.execute(text("SHOW transaction_read_only"))).scalar_one() == "on"
            self._known_complete = self._known_complete or await self._is_complete()
        except BackendUnavailable as error:
            # what is there when it comes back may be a backup that is older than this release
            self._known_complete = False
            return Check("postgresql", ok=False, needed=True, detail=error.detail)
        if not self._known_complete:
            return Check("postgresql", ok=False, needed=True, detail=_INCOMPLETE)
        if read_only:
            return Check("postgresql", ok=False, needed=False, detail=_READ_ONLY)
        return Check("postgresql", ok=True, needed=True, detail="answers")

    async def _redis(self) -> Check:
        redis = connect_redis(self._redis_url)
        try:
            await ask_for_a_write(redis)
        except AuthenticationError:
            said = "answers, and refuses the user or the password of REDIS_URL; jobs are accepted and wait meanwhile"
            return Check("redis", ok=False, needed=False, detail=said)
        except ResponseError as error:
            said = f"answers, and takes nothing ({error}); jobs are accepted and wait until it does"
            return Check("redis", ok=False, needed=False, detail=said)
        except (RedisError, OSError) as error:
            said = (
                f"{_place(self._redis_url)} cannot be reached ({type(error).__name__}); start Redis there, or "
                f"correct REDIS_URL; jobs are accepted and wait until it is back"
            )
            return Check("redis", ok=False, needed=False, detail=said)
        finally:
            await redis.aclose()
        return Check("redis", ok=True, needed=False, detail="answers")


def _place(redis_url: str) -> str:
    """Without user and password, wherever they stand in it: what is not encoded moves a part of them elsewhere."""
    parts = urlsplit(redis_url)
    if "@" in redis_url and "@" not in parts.netloc:
        return f"{parts.scheme}://…"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
