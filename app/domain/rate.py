"""How often something may happen: a bucket that fills by itself, and is taken from."""

import math
from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Rate:
    """`most` at once, and one more every `every_s` seconds."""

    most: int
    every_s: float


@dataclass(frozen=True, slots=True)
class Bucket:
    left: float
    at: datetime


def full(rate: Rate, now: datetime) -> Bucket:
    return Bucket(float(rate.most), now)


def filled(bucket: Bucket, rate: Rate, now: datetime) -> Bucket:
    """As it is now; a clock that was set back fills nothing."""
    passed_s = max((now - bucket.at).total_seconds(), 0.0)
    return Bucket(min(bucket.left + passed_s / rate.every_s, float(rate.most)), now)


def since(bucket: Bucket, now: datetime) -> Bucket:
    """To be kept instead of it: after a clock was set back it fills from then on, not only when that has caught up."""
    return bucket if bucket.at <= now else replace(bucket, at=now)


def taken(bucket: Bucket) -> Bucket:
    return Bucket(max(bucket.left - 1, 0.0), bucket.at)


def wait_s(bucket: Bucket, rate: Rate) -> int:
    """Whole seconds until one may be taken; 0 when one may be now."""
    return 0 if bucket.left >= 1 else max(math.ceil((1 - bucket.left) * rate.every_s), 1)
