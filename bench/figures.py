"""What a benchmark finds, as plain values: samples, rows of a table, and whether a target is met."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Samples:
    """Measured values in one unit."""

    values: tuple[float, ...]
    unit: str

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def p95(self) -> float:
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]

    @property
    def least(self) -> float:
        return min(self.values)

    @property
    def most(self) -> float:
        return max(self.values)


@dataclass(frozen=True, slots=True)
class Target:
    """What was promised, in words, and whether this run kept it."""

    text: str
    met: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One contender. `ratio` is against the floor named in the section; no samples means it did not run."""

    contender: str
    samples: Samples | None = None
    ratio: str = ""
    targets: tuple[Target, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One benchmark's table and what a reader must know to read it."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured; `some` picks a number for this scale."""

    name: str

    def some(self, *, full: int, quick: int) -> int:
        return full if self.name == "full" else quick


FULL, QUICK = Scale("full"), Scale("quick")


@dataclass(frozen=True, slots=True)
class Benchmark:
    name: str
    title: str
    measure: Callable[[Scale], Section]


@dataclass(slots=True)
class Stopwatch:
    """Collects durations in ms."""

    taken_ms: list[float] = field(default_factory=list)

    @contextmanager
    def timed(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.taken_ms.append((time.perf_counter() - began) * 1000)

    @property
    def samples(self) -> Samples:
        return Samples(tuple(self.taken_ms), "ms")


def ratio_of(samples: Samples, floor: Samples) -> float:
    """Medians, as contender ÷ floor."""
    return samples.median / floor.median


def times(ratio: float) -> str:
    return f"{ratio:.2f}x"


def ratio_at_most(ratio: float, limit: float) -> Target:
    return Target(f"≤ {limit:g} of the floor", ratio <= limit)


def ratio_at_least(ratio: float, limit: float) -> Target:
    return Target(f"≥ {limit:g} of the floor", ratio >= limit)


def value_at_most(value: float, limit: float, unit: str) -> Target:
    return Target(f"≤ {limit:g} {unit}", value <= limit)
