"""When an environment may be changed: windows by cron, duration and time zone; what denies wins."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from itertools import chain, takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

LONGEST_WAIT = timedelta(days=400)
MOST_LOOKS = 2_000
MOST_IN_A_ROW = 100
LONGEST_CHANGE = timedelta(hours=3)
A_DAY, A_SECOND = timedelta(days=1), timedelta(seconds=1)
LONGEST_WINDOW = timedelta(days=31)
FIELDS_OF_CRON = 5


@dataclass(frozen=True, slots=True)
class Window:
    """Opens at each moment of `cron` (five fields, in `zone`) and stays open for `duration`.

    As Debian's cron: what falls into the hour that summer time skips opens right after it, what falls into the hour
    that comes twice opens once.
    """

    cron: str
    duration: timedelta
    zone: str = "UTC"

    def ends_at(self, now: datetime) -> datetime | None:
        """When it closes that is open now; None while it is closed."""
        start = next((one for one in self._starts_before(now) if one <= now), None)
        return start + self.duration if start is not None and start + self.duration > now else None

    def starts_after(self, now: datetime) -> datetime | None:
        """None where it never opens again, as a 29th of February that is no Monday."""
        return next((start for start in self._starts_from(now) if start > now), None)

    def _starts_before(self, now: datetime) -> Iterator[datetime]:
        """Backwards, for it may have opened thousands of times since; the second of `now` counts."""
        after = now.replace(microsecond=0) + A_SECOND
        change = self._odd_change(now - A_DAY, now)
        if change is None:
            return _backward(self.cron, _in_zone(after + _set_back(now, self.zone), self.zone))
        since = _backward(self.cron, after.astimezone(_offset(now, self.zone)))
        before = _backward(self.cron, change.astimezone(_offset(change - A_SECOND, self.zone)))
        return chain(takewhile(lambda one: one >= change, since), before)

    def _starts_from(self, now: datetime) -> Iterator[datetime]:
        change = self._odd_change(now - LONGEST_CHANGE, now + A_DAY)
        if change is None:
            return _forward(self.cron, _in_zone(now, self.zone))
        since = _forward(self.cron, max(change - A_SECOND, now).astimezone(_offset(change, self.zone)))
        before = _forward(self.cron, now.astimezone(_offset(now, self.zone))) if now < change else iter(())
        return chain(takewhile(lambda one: one < change, before), since)

    def _odd_change(self, since: datetime, until: datetime) -> datetime | None:
        """When clocks are put forward or back by no whole hours, where that disturbs counting from hour to hour.

        As on Lord Howe Island, by half an hour. A rule for certain hours is counted by the hands of the clock instead.
        """
        if self.zone == "UTC" or CronSim(self.cron, _in_zone(since, self.zone)).fixup_tz is not None:
            return None
        old, new = (_in_zone(moment, self.zone).utcoffset() or timedelta() for moment in (since, until))
        if (new - old) % timedelta(hours=1) == timedelta():
            return None
        while until - since > A_SECOND:
            middle = (since + (until - since) / 2).replace(microsecond=0)
            since, until = (middle, until) if _in_zone(middle, self.zone).utcoffset() == old else (since, middle)
        return until.replace(microsecond=0)

    def said(self) -> str:
        return f"{self.cron!r} for {said_duration(self.duration)} ({self.zone})"


@dataclass(frozen=True, slots=True)
class Windows:
    """Open while one of `allow` is open, or always where there is none; never while one of `deny` is."""

    allow: tuple[Window, ...] = ()
    deny: tuple[Window, ...] = ()

    def closed_by(self, now: datetime) -> str | None:
        """The rule that keeps it closed, in words; None while it is open."""
        denying = next((one for one in self.deny if one.ends_at(now) is not None), None)
        if denying is not None:
            return f"denied by {denying.said()}"
        if not self.allow or any(one.ends_at(now) is not None for one in self.allow):
            return None
        return f"allowed only in {' and in '.join(one.said() for one in self.allow)}"

    def opens_at(self, now: datetime) -> datetime | None:
        """`now` while it is open, else the first moment when it is; None where that is more than 400 days away."""
        moment = now
        for _ in range(MOST_LOOKS):
            if self.closed_by(moment) is None:
                return moment
            following = self._next_change(moment)
            if following is None or following - now > LONGEST_WAIT:
                return None
            moment = following
        return None

    def closes_at(self, now: datetime) -> datetime | None:
        """`now` while it is closed, else the first moment when it is.

        None where that is more than 400 days away, or behind more than a hundred windows that follow one another.
        """
        moment = now
        for _ in range(MOST_IN_A_ROW):
            if self.closed_by(moment) is not None:
                return moment
            ends = [end for end in (one.ends_at(moment) for one in self.allow) if end is not None]
            # while one of several allows it, the end of another changes nothing
            following = _earliest([max(ends, default=None), *(one.starts_after(moment) for one in self.deny)])
            if following is None or following - now > LONGEST_WAIT:
                return None
            moment = following
        return None

    def _next_change(self, moment: datetime) -> datetime | None:
        """The end of what denies; else the next start of what allows."""
        ends = [end for end in (one.ends_at(moment) for one in self.deny) if end is not None]
        if ends:
            return max(ends)
        return _earliest([one.starts_after(moment) for one in self.allow])


ALWAYS_OPEN = Windows()


@dataclass(frozen=True, slots=True)
class Closed:
    """Why an environment may not be changed now, and from when on it may; `opens_at` None: nobody can tell."""

    why: str
    opens_at: datetime | None = field(default=None)

    def said(self) -> str:
        when = "does not open within a year" if self.opens_at is None else f"opens at {self.opens_at.isoformat()}"
        return f"{self.why}; it {when}"


@dataclass(frozen=True, slots=True)
class Openness:
    """Whether an environment may be changed, by which rule not, and until when that holds; None: nobody can tell."""

    rule: str | None
    until: datetime | None

    @property
    def is_open(self) -> bool:
        return self.rule is None


def openness_at(windows: Windows, now: datetime) -> Openness | None:
    """None where there are no windows."""
    if windows == ALWAYS_OPEN:
        return None
    rule = windows.closed_by(now)
    return Openness(rule, windows.closes_at(now) if rule is None else windows.opens_at(now))


def closed_at(windows: Windows, now: datetime) -> Closed | None:
    """None while it is open."""
    why = windows.closed_by(now)
    return None if why is None else Closed(why, windows.opens_at(now))


def cron_problem(text: str) -> str | None:
    """What is wrong with a cron expression, None when nothing is."""
    if len(text.split()) != FIELDS_OF_CRON:
        return "takes five fields: minute, hour, day of the month, month, day of the week"
    try:
        CronSim(text, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        return str(error)
    return None


def said_duration(duration: timedelta) -> str:
    """In the largest unit that divides it: `4h`, `90m`, `2d`."""
    seconds = round(duration.total_seconds())
    for size, letter in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{letter}"
    return f"{seconds}s"


def _forward(cron: str, local: datetime) -> Iterator[datetime]:
    return (start.astimezone(UTC) for start in CronSim(cron, local))


def _backward(cron: str, local: datetime) -> Iterator[datetime]:
    return (start.astimezone(UTC) for start in CronSim(cron, local, reverse=True))


def _offset(moment: datetime, zone: str) -> timezone:
    """What clocks there differ by then."""
    return timezone(_in_zone(moment, zone).utcoffset() or timedelta())


def _in_zone(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))


def _set_back(now: datetime, zone: str) -> timedelta:
    """How far clocks there were set back a moment ago: their hands may show what is still to come once more."""
    before, after = (_in_zone(moment, zone).utcoffset() for moment in (now - LONGEST_CHANGE, now))
    return timedelta() if before is None or after is None else max(before - after, timedelta())


def _earliest(moments: Sequence[datetime | None]) -> datetime | None:
    return min((one for one in moments if one is not None), default=None)
