"""Those who think better of it: they cancel, pause, resume and retry jobs by the schedule, and note what was agreed."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from tests.chaos.customers import TIMEOUT_S, Desk, accepts, key_of
from tests.chaos.harbour import Harbour
from tests.chaos.load import Request
from tests.chaos.promises import Agreed, Period
from tests.chaos.schedule import Ask, Wish
from tests.support.servers import fetch

TICK_S = 0.1
AGAIN_S = 0.5
DESERTED_S = 4.0
_WITH = "SELECT id FROM liftlock_control.jobs WHERE {} ORDER BY state = 'running' DESC, seq LIMIT 6"
_WHICH = {
    Ask.CANCEL: _WITH.format("state IN ('queued', 'running') AND cancel_requested_at IS NULL"),
    Ask.PAUSE: _WITH.format("state IN ('queued', 'running') AND paused_by IS NULL"),
    Ask.RETRY: "SELECT id FROM liftlock_control.jobs WHERE state IN ('failed', 'cancelled') ORDER BY seq DESC LIMIT 12",
}
_PAUSED = "SELECT id FROM liftlock_control.jobs WHERE state IN ('queued', 'running') AND paused_by IS NOT NULL"


class Wishers:
    """Two at once. No pause is forgotten: one that is deserted is found and ended, at the latest by `resume_all`."""

    def __init__(self, port: Harbour, desk: Desk, seed: int, wishes: Sequence[Wish]) -> None:
        self.agreed = Agreed()
        self._port, self._desk = port, desk
        self._lock = threading.Lock()
        self._pausing: set[UUID] = set()
        self._unsure: set[UUID] = set()
        self._deserted: dict[UUID, float] = {}
        self._looked = 0.0
        self._stopping = threading.Event()
        self._began = 0.0
        halves = [(wishes[::2], random.Random(seed * 1000 + 500)), (wishes[1::2], random.Random(seed * 1000 + 501))]
        self._threads = [threading.Thread(target=self._wish, args=half, daemon=True) for half in halves]

    def start(self) -> None:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(2 * TIMEOUT_S)

    def resume_all(self) -> None:
        """Whatever is paused goes on; to be called again as long as late requests may still pause something."""
        jobs = self._fetched(_PAUSED)
        if jobs:
            with self._desk.open() as http:
                for job in jobs:
                    self._resume(http, job)

    def _wish(self, wishes: Sequence[Wish], chance: random.Random) -> None:
        left, later = list(wishes), list[tuple[float, UUID]]()
        with self._desk.open() as http:
            while not self._stopping.wait(TICK_S):
                now = time.monotonic()
                for _, job in (one for one in later if one[0] <= now):
                    self._resume(http, job)
                later = [one for one in later if one[0] > now]
                self._look_for_deserted(http, now)
                if left and left[0].at_s <= now - self._began:
                    wish = left.pop(0)
                    of = self._carry_out(http, wish, chance)
                    if wish.ask is Ask.PAUSE and wish.for_s and of is not None:
                        later.append((time.monotonic() + wish.for_s, of))

    def _carry_out(self, http: Any, wish: Wish, chance: random.Random) -> UUID | None:
        """The job it was asked of; None where there was none, or nobody knows what became of it."""
        jobs = self._fetched(_WHICH[wish.ask])
        if not jobs:
            return None
        job = jobs[wish.whom % len(jobs)]
        asking: dict[Ask, Callable[[], bool]] = {
            Ask.CANCEL: lambda: self._cancel(http, job),
            Ask.PAUSE: lambda: self._pause(http, job, kept=wish.for_s > 0),
            Ask.RETRY: lambda: self._retry(http, job, chance),
        }
        return job if asking[wish.ask]() else None

    def _cancel(self, http: Any, job: UUID) -> bool:
        answer = self._desk.send(http, _request(job, Ask.CANCEL), {})
        self._count("cancel", answer)
        if answer is None or not accepts(answer):
            return False
        with self._lock:
            self.agreed.cancelled.setdefault(job, _now())
            if answer.json()["state"] == "cancelled":
                self.agreed.over_at_once.add(job)
        return True

    def _pause(self, http: Any, job: UUID, *, kept: bool) -> bool:
        with self._lock:
            if job in self._pausing:
                return False
            self._pausing.add(job)
        answer = self._desk.send(http, _request(job, Ask.PAUSE), {})
        self._count("pause", answer)
        is_paused = answer is not None and accepts(answer)
        with self._lock:
            if is_paused and job not in self._unsure:
                self.agreed.pauses.append(Period(job, _now()))
            if not (is_paused and kept):
                self._pausing.discard(job)
        return is_paused

    def _resume(self, http: Any, job: UUID) -> None:
        with self._lock:
            for period in self.agreed.pauses:
                if period.job == job and period.until is None:
                    period.until = _now()
        answer = self._desk.send(http, Request("POST", f"/jobs/{job}/resume", {}), {})
        self._count("resume", answer)
        with self._lock:
            self._pausing.discard(job)
            if answer is None:
                # it may still be carried out, at any time: of this job nothing is certain any more
                self._unsure.add(job)

    def _retry(self, http: Any, job: UUID, chance: random.Random) -> bool:
        jobs = self._desk.insist(http, _request(job, Ask.RETRY), key_of(chance))
        self.agreed.asked["retry"] += 1
        self.agreed.asked["retry accepted"] += len(jobs)
        with self._lock:
            self.agreed.retried |= dict.fromkeys(jobs, job)
        return bool(jobs)

    def _look_for_deserted(self, http: Any, now: float) -> None:
        """Somebody comes by now and then and ends what nobody has ended."""
        if now - self._looked < AGAIN_S:
            return
        self._looked = now
        paused = self._fetched(_PAUSED)
        with self._lock:
            self._deserted = {job: self._deserted.get(job, now) for job in paused if job not in self._pausing}
            due = [job for job, seen in self._deserted.items() if now - seen >= DESERTED_S]
            self._pausing.update(due)
        for job in due:
            self._resume(http, job)

    def _count(self, ask: str, answer: Any) -> None:
        self.agreed.asked[ask] += 1
        self.agreed.asked[f"{ask} accepted"] += answer is not None and accepts(answer)

    def _fetched(self, sql: str) -> list[UUID]:
        try:
            return [row["id"] for row in fetch(self._port.control_dsn, sql)]
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return []


def _request(job: UUID, ask: Ask) -> Request:
    return Request("POST", f"/jobs/{job}/{ask}", {})


def _now() -> datetime:
    return datetime.now(UTC)
