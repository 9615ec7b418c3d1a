"""The lock timeline: when a job waited, and how many waited for it, drawn from the samples that were kept.

A sample holds until the next one; so the picture is as true after the incident as during it. Across it is measured in
hundredths of whatever width there is, so that words keep their size on a small screen; down in pixels, and it is always
of one height: nothing below it moves as the job goes on.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.domain.locks import spelled
from app.ui.asking import Json
from app.ui.looks import duration, moment_of, several

LANE, GAP = 26, 10
LEAST_WIDTH, LEAST_LABELLED = 0.4, 12.0
TICKS = 4
LANES = ("Steps", "We wait", "They wait", "Queue")
HEIGHT = len(LANES) * (LANE + GAP) + 24


@dataclass(frozen=True, slots=True)
class Bar:
    """`x`, `width`: per cent. `tone`: waiting, holding, or a state; `title`: what it says on hover and when heard."""

    x: float
    width: float
    y: float
    tone: str
    title: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """`queue`: columns as high as the line of who waits for us; `y` is where each begins, `low` where all end."""

    height: int
    lanes: tuple[tuple[str, float], ...]
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    queue: tuple[Bar, ...]
    low: float
    most_waiting: int
    summary: str


def timeline(job: Json, samples: list[Json], now: datetime | None = None) -> Drawing | None:
    """None before it starts, and where there is nothing to tell."""
    if job["startedAt"] is None or not (samples or job["steps"]):
        return None
    begin = moment_of(job["startedAt"])
    end = moment_of(job["finishedAt"]) if job["finishedAt"] else (now or datetime.now(UTC))
    scale = _Scale(begin, max((end - begin).total_seconds(), 0.001))
    moments = [moment_of(one["at"]) for one in samples]
    ends = [*moments[1:], end][: len(moments)]
    spans = list(zip(samples, moments, ends, strict=True))
    bars = [*_steps(job, scale, end), *_locks(spans, scale)]
    queue, most = _queue(spans, scale)
    return Drawing(
        HEIGHT,
        tuple((name, _lane(place) + LANE / 2) for place, name in enumerate(LANES)),
        tuple(bars),
        tuple(scale.ticks()),
        tuple(queue),
        _lane(3) + LANE,
        most,
        _summary(spans, most),
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    begin: datetime
    seconds: float

    def x(self, at: datetime) -> float:
        part = min(1.0, max(0.0, (at - self.begin).total_seconds() / self.seconds))
        return round(100 * part, 2)

    def ticks(self) -> list[tuple[float, str]]:
        parts = [place / (TICKS - 1) for place in range(TICKS)]
        return [(round(100 * part, 2), f"+{duration(part * self.seconds * 1000)}") for part in parts]


def _lane(place: int) -> float:
    return 8 + place * (LANE + GAP)


def _bar(scale: _Scale, start: datetime, end: datetime, lane: int, tone: str, title: str, label: str = "") -> Bar:
    x = min(scale.x(start), 100 - LEAST_WIDTH)
    width = max(LEAST_WIDTH, scale.x(end) - x)
    return Bar(x, round(width, 2), _lane(lane), tone, title, label if width >= LEAST_LABELLED else "")


def _steps(job: Json, scale: _Scale, end: datetime) -> list[Bar]:
    bars = []
    for step in job["steps"]:
        if step["startedAt"] is None:
            continue
        until = moment_of(step["finishedAt"]) if step["finishedAt"] else end
        title = f"step {step['ordinal']}, {step['name']}: {step['state']}"
        bars.append(_bar(scale, moment_of(step["startedAt"]), until, 0, step["state"], title, str(step["name"])))
    return bars


def _locks(spans: list[tuple[Json, datetime, datetime]], scale: _Scale) -> list[Bar]:
    bars = []
    for sample, start, end in spans:
        if sample["blockers"]:
            who = ", ".join(f"pid {one['pid']}" for one in sample["blockers"][:3])
            bars.append(
                _bar(scale, start, end, 1, "waiting", f"waits for {_what(sample)}, held by {who}", _what(sample))
            )
        if sample["blocked"]:
            count = len(sample["blocked"])
            bars.append(_bar(scale, start, end, 2, "holding", f"{count} waited for the job", str(count)))
    return bars


def _what(sample: Json) -> str:
    mode = spelled(sample["mode"])
    return f"{mode} on {sample['relation']}" if sample["relation"] else mode


def _queue(spans: list[tuple[Json, datetime, datetime]], scale: _Scale) -> tuple[list[Bar], int]:
    """As many as wait, from one sample to the next."""
    most = max((len(one["blocked"]) for one, _, _ in spans), default=0)
    columns = []
    for sample, start, end in spans:
        if count := len(sample["blocked"]):
            column = _bar(scale, start, end, 3, "queue", several(count, "session") + " waited")
            columns.append(replace(column, y=round(_lane(3) + LANE * (1 - count / most), 1)))
    return columns, most


def _summary(spans: list[tuple[Json, datetime, datetime]], most: int) -> str:
    waited_ms = sum((end - start).total_seconds() * 1000 for sample, start, end in spans if sample["blockers"])
    if not spans:
        return "It waited for nobody, and nobody waited for it."
    waited = f"It waited {duration(waited_ms)} for locks" if waited_ms else "It waited for no lock"
    queue = f"at most {several(most, 'session')} waited for it at once" if most else "nobody waited for it"
    return f"{waited}; {queue}."
