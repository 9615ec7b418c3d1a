"""The lease of a target in Redis: a term, not a lock. It keeps workers out of each other's way; the fence
in the target keeps them safe, so Redis may lose it, double it or be away.

Key layout: `liftlock:lease:<environment>` → `<job>|<attempt>|<nonce>`, expiring after the TTL; and `liftlock:asked`,
for a second, when somebody looks whether Redis takes what is written.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app import failpoints
from app.domain.job import Attempt
from app.ports import Held, HeldElsewhere

_ASKED, _ASKED_MS = "liftlock:asked", 1_000

log = structlog.get_logger()

# KEYS[1] the lease · ARGV[1] our value, ARGV[2] TTL in ms, ARGV[3] our job, ARGV[4] our attempt.
# Free, or held by an older attempt of this very job: take it. Otherwise answer who has it and for how long.
_ACQUIRE = """
local held = redis.call('GET', KEYS[1])
if held then
  local job, attempt = string.match(held, '^([^|]*)|([^|]*)|')
  if job ~= ARGV[3] or tonumber(attempt) >= tonumber(ARGV[4]) then
    return {held, redis.call('PTTL', KEYS[1])}
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {'', 0}
"""

# KEYS[1] the lease · ARGV[1] our value, ARGV[2] TTL in ms. Gone (flushed, lapsed): take it again.
_RENEW = """
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

# KEYS[1] the lease · ARGV[1] our value.
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class RedisLeases:
    """Implements ports.Leases."""

    def __init__(self, redis: "Redis", ttl_ms: int) -> None:
        self._redis = redis
        self._ttl_ms = ttl_ms

    @asynccontextmanager
    async def hold(self, environment: str, attempt: Attempt, nonce: UUID) -> AsyncIterator[Held | HeldElsewhere]:
        held = await self._acquire(environment, attempt, nonce)
        try:
            yield held
        finally:
            failpoints.reach("lease.before_release")
            if isinstance(held, Held):
                # also when Redis was away at first: a renewal may have taken it since
                await self._release(environment, attempt, nonce)

    async def renew(self, environment: str, attempt: Attempt, nonce: UUID) -> bool:
        try:
            value = _value(attempt, nonce)
            return bool(await self._redis.eval(_RENEW, 1, _key(environment), value, self._ttl_ms))
        except (RedisError, OSError) as error:
            log.warning("lease.unreachable", environment=environment, error=str(error))
            return True

    async def close(self) -> None:
        await self._redis.aclose()

    async def _acquire(self, environment: str, attempt: Attempt, nonce: UUID) -> Held | HeldElsewhere:
        try:
            held, ttl_ms = await self._redis.eval(
                _ACQUIRE,
                1,
                _key(environment),
                _value(attempt, nonce),
                self._ttl_ms,
                str(attempt.job_id),
                attempt.number,
            )
        except (RedisError, OSError) as error:
            log.warning("lease.unreachable", environment=environment, error=str(error))
            return Held(reachable=False)
        if not held:
            return Held()
        job, number, _ = str(held).split("|")
        return HeldElsewhere(job, int(number), max(int(ttl_ms), 0))

    async def _release(self, environment: str, attempt: Attempt, nonce: UUID) -> None:
        try:
            await self._redis.eval(_RELEASE, 1, _key(environment), _value(attempt, nonce))
        except (RedisError, OSError) as error:
            log.warning("lease.not_released", environment=environment, error=str(error))


def connect_redis(url: str) -> "Redis":
    """Short timeouts: Redis is a doorbell, and nobody waits long at a door."""
    return Redis.from_url(
        url, decode_responses=True, socket_timeout=3, socket_connect_timeout=3, health_check_interval=5
    )


async def ask_for_a_write(redis: "Redis") -> None:
    """A full one, or a replica, answers and takes nothing. Raises RedisError or OSError."""
    await redis.set(_ASKED, "1", px=_ASKED_MS)


def _key(environment: str) -> str:
    return f"liftlock:lease:{environment}"


def _value(attempt: Attempt, nonce: UUID) -> str:
    return f"{attempt.job_id}|{attempt.number}|{nonce}"
