"""Who stands in whose way in a target: what a step waits for, who holds it, and who waits for the step."""

import re
from dataclasses import dataclass
from datetime import datetime

MOST_QUERY_CHARS = 300
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Session:
    """A session of the target as `pg_stat_activity` shows it; `since`: when its state began.

    `pid` 0 is a prepared transaction, which holds locks without a session.
    """

    pid: int
    user: str | None = None
    application: str | None = None
    state: str | None = None
    query: str | None = None
    since: datetime | None = None
    transaction_since: datetime | None = None

    def said(self, now: datetime) -> str:
        if self.pid == 0:
            return "a prepared transaction (see pg_prepared_xacts)"
        who = f"pid {self.pid} ({self.application or self.user or 'unnamed'})"
        doing = self.state or "at work"
        return f"{who} is {doing}" + ("" if self.since is None else f" for {_age(now, self.since)}")


@dataclass(frozen=True, slots=True)
class LockSample:
    """One look at the locks around the session that works for a job.

    `mode` and `relation`: what it waits for, None while it waits for nothing. `blockers` hold that;
    `blocked` wait for what our session holds.
    """

    at: datetime
    pid: int
    step: int | None = None
    mode: str | None = None
    relation: str | None = None
    blockers: tuple[Session, ...] = ()
    blocked: tuple[Session, ...] = ()

    @property
    def waiting(self) -> bool:
        return bool(self.blockers)

    def differs_from(self, before: "LockSample | None") -> bool:
        """Whether anybody would read it as news: ages grow with every look and are none."""
        if before is None:
            return self.waiting or bool(self.blocked)
        return _cast(self) != _cast(before)

    def said(self) -> str:
        """One sentence for the job's message; only while it waits."""
        mode = spelled(self.mode)
        what = f"{mode} on {self.relation}" if self.relation else mode
        first, others = self.blockers[0], len(self.blockers) - 1
        more = f" (and {others} more)" if others else ""
        return f"waiting for {what}: {first.said(self.at)}{more}"


def spelled(mode: str | None) -> str:
    """`AccessExclusiveLock` of pg_locks as the manual writes it."""
    return "a lock" if mode is None else _HUMP.sub(" ", mode.removesuffix("Lock")).upper()


def _cast(sample: LockSample) -> tuple[object, ...]:
    blockers = tuple((one.pid, one.state, one.query) for one in sample.blockers)
    return sample.step, sample.mode, sample.relation, blockers, frozenset(one.pid for one in sample.blocked)


def _age(now: datetime, since: datetime) -> str:
    seconds = max(0, int((now - since).total_seconds()))
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return f"{hours} h {minutes} m"
    return f"{minutes} m {seconds % 60} s" if minutes else f"{seconds} s"
