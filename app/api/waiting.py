"""Requests that wait for a job: how long, how many at once, and until when."""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from app.domain.errors import TooManyRequests
from app.domain.job import Job, JobId
from app.ports import Changes
from app.wiring import Services

MOST_WAITING = 500
LONGEST_WAIT_S = 60
HEARD_SOON_S = 0.05

_STOP_CHECK_S = 1.0
_MOST_DIGITS = 9
_PREFER_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?([0-9]+)"?\s*(?=$|[,;])', re.IGNORECASE)


class Waiters:
    """The places for waiting requests of one process; each holds a thread."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._places = threading.BoundedSemaphore(most)
        self._most = most
        self._released = threading.Event()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Raises TooManyRequests when every place is taken."""
        if not self._places.acquire(blocking=False):
            raise TooManyRequests(
                f"{self._most} requests are waiting in this process already; ask again shortly, or ask without waiting"
            )
        try:
            yield
        finally:
            self._places.release()

    def release_all(self) -> None:
        """The process is going down: whoever waits is answered with what is known now."""
        self._released.set()

    @property
    def released(self) -> bool:
        return self._released.is_set()


async def job_when(
    services: Services, waiters: Waiters, job_id: UUID, enough: Callable[[Job], bool], seconds: float
) -> Job:
    """The job as soon as it is `enough`, or as it is after `seconds`. Raises NotFound."""
    return await _job_when(services, waiters, job_id, enough, lambda _: True, seconds)


async def job_at_its_end(
    services: Services, waiters: Waiters, job_id: UUID, seconds: float, *, just_seen: Job | None = None
) -> Job:
    """As `job_when`; while the job goes on, it is not read again for every step that it announces.

    `just_seen`: as it was when it was asked for, a moment ago. Its end is most likely still to be heard, so it is read
    only when nothing has been heard for a while: this process and the worker, which begins now, have better things to
    do. Nor is it read where all is told with its end.
    """
    return await _job_when(
        services, waiters, job_id, _has_ended, lambda changes: changes.ended, seconds, just_seen=just_seen
    )


async def _job_when(
    services: Services,
    waiters: Waiters,
    job_id: UUID,
    enough: Callable[[Job], bool],
    worth_a_look: Callable[[Changes], bool],
    seconds: float,
    *,
    just_seen: Job | None = None,
) -> Job:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    async with services.board.watch(JobId(job_id)) as changes:

        async def look() -> Job:
            told = None if just_seen is None or changes.end is None else changes.end.of(just_seen)
            return told or await services.migrations.job(job_id)

        first_look = loop.time() + min(0.0 if just_seen is None else HEARD_SOON_S, seconds)
        while (left_s := first_look - loop.time()) > 0 and not worth_a_look(changes):
            await changes.wait(left_s)
        job = await look()
        while not enough(job) and (left_s := until - loop.time()) > 0 and not waiters.released:
            if await changes.wait(min(left_s, _STOP_CHECK_S)) and worth_a_look(changes):
                job = await look()
        return job if enough(job) else await look()


def _has_ended(job: Job) -> bool:
    return job.state.final


def preferred_wait_s(prefer: str) -> int | None:
    """The `wait` of a Prefer header; what is not understood is no preference (RFC 7240)."""
    found = _PREFER_WAIT.search(prefer)
    digits = found[1].lstrip("0") if found is not None else ""
    if not digits:
        return None
    return LONGEST_WAIT_S if len(digits) > _MOST_DIGITS else min(int(digits), LONGEST_WAIT_S)
