"""Moments and durations as people read and type them."""

import re
from datetime import UTC, datetime, timedelta

_TYPED = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, None: 1}


def typed_seconds(text: str) -> float | None:
    """`60s`, `5m`, `1.5h` or bare seconds; None for anything else."""
    found = _TYPED.fullmatch(text.strip().lower())
    return float(found[1]) * _SECONDS[found[2]] if found else None


def lasting(ms: float | None) -> str:
    """`30 ms`, `1.2 s`, `1 m 30 s`, `2 h 5 m`, `3 d`; `?` where nobody knows."""
    if ms is None:
        return "?"
    if ms < 1000:
        return f"{ms:.0f} ms"
    seconds = ms / 1000
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    whole = int(seconds)
    for size, name, smaller, small_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {name} {rest} {small_name}" if rest else f"{whole // size} {name}"
    return "0 s"


def ago(at: datetime, now: datetime) -> str:
    """In the largest unit that fits: `just now`, `5 m ago`, `in 2 h`."""
    seconds = (now - at).total_seconds()
    if abs(seconds) < 5:
        return "just now"
    size, name = next(
        ((size, name) for size, name in ((86400, "d"), (3600, "h"), (60, "m")) if abs(seconds) >= size), (1, "s")
    )
    count = int(abs(seconds) // size)
    return f"{count} {name} ago" if seconds > 0 else f"in {count} {name}"


def clock(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%H:%M:%S")


def moment(at: datetime | None) -> str:
    return "-" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def since(text: str, now: datetime) -> datetime | None:
    """`2h` as that long before now, or a moment of RFC 3339; None for anything else."""
    seconds = typed_seconds(text) if not text.strip().isdecimal() else None
    if seconds is not None:
        return now - timedelta(seconds=seconds)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def size(count: int | None) -> str:
    """Bytes, in powers of 1024."""
    if count is None:
        return "?"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TB"
