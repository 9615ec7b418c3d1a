"""Wrong tokens by the address they come from: who has sent too many is not looked up for a while."""

import ipaddress
import threading

from app.domain.errors import TooManyTries
from app.domain.rate import Bucket, Rate, filled, full, since, taken, wait_s
from app.ports import Clock

RATE = Rate(most=10, every_s=6)
MOST_ADDRESSES = 10_000
_ONE_HOME = 64


class FailedTries:
    """Of this process alone; the addresses that failed longest ago are forgotten first."""

    def __init__(self, clock: Clock, rate: Rate = RATE, most: int = MOST_ADDRESSES) -> None:
        self._clock, self._rate, self._most = clock, rate, most
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.Lock()

    def wait_s(self, address: str | None) -> int:
        """Seconds until another try is looked at; 0 when one may be made now."""
        home, now = _home(address), self._clock.now()
        with self._lock:
            known = self._buckets.get(home)
            if known is None:
                return 0
            known = self._buckets[home] = since(known, now)
        return wait_s(filled(known, self._rate, now), self._rate)

    def refuse_too_many(self, address: str | None) -> None:
        """Raises TooManyTries."""
        wait = self.wait_s(address)
        if wait:
            raise TooManyTries(
                f"too many wrong tokens have come from {address}; the next one is looked at in {wait} s",
                facts={"retryAfterS": wait},
            )

    def failed(self, address: str | None) -> None:
        home, now = _home(address), self._clock.now()
        with self._lock:
            known = self._buckets.pop(home, None) or full(self._rate, now)
            self._buckets[home] = taken(filled(known, self._rate, now))
            while len(self._buckets) > self._most:
                del self._buckets[next(iter(self._buckets))]


def _home(address: str | None) -> str:
    """An address of IPv6 is one of 2⁶⁴ that one caller has."""
    try:
        version6 = ipaddress.IPv6Address(address or "")
    except ValueError:
        return address or ""
    return str(ipaddress.IPv6Network((int(version6), _ONE_HOME), strict=False))
