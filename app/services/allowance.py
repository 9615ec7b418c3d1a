"""Requests by the token that sends them: who sends too many is told when to go on, and nobody else is."""

import threading
from dataclasses import dataclass

from app.domain.errors import TooOften
from app.domain.rate import Bucket, Rate, filled, full, since, taken, wait_s
from app.ports import Clock

MOST_CALLERS = 10_000


@dataclass(frozen=True, slots=True)
class Left:
    """How many may follow at once, and in how many seconds it is all of them again."""

    requests: int
    whole_in_s: int


class Allowance:
    """Of this process alone, so that it holds, and lets through, whatever becomes of Redis."""

    def __init__(self, clock: Clock, rate: Rate, most: int = MOST_CALLERS) -> None:
        self.rate = rate
        self._clock, self._most = clock, most
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.Lock()

    def take(self, caller: str) -> Left:
        """Raises TooOften with the seconds until the next one is taken."""
        now = self._clock.now()
        with self._lock:
            known = self._buckets.pop(caller, None) or full(self.rate, now)
            bucket = filled(known, self.rate, now)
            wait = wait_s(bucket, self.rate)
            after = self._buckets[caller] = since(known, now) if wait else taken(bucket)
            while len(self._buckets) > self._most:
                # whoever has asked for nothing for longest has a full one anyway
                del self._buckets[next(iter(self._buckets))]
        if wait:
            raise TooOften(
                f"this token has sent more than {round(60 / self.rate.every_s)} requests a minute; go on in {wait} s",
                facts={"retryAfterS": wait},
            )
        return self._left(after)

    def left(self, caller: str) -> Left:
        """Now, of one that has been counted."""
        now = self._clock.now()
        with self._lock:
            return self._left(filled(self._buckets.get(caller) or full(self.rate, now), self.rate, now))

    def _left(self, bucket: Bucket) -> Left:
        return Left(int(bucket.left), round((self.rate.most - bucket.left) * self.rate.every_s))
