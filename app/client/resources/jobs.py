"""`client.jobs`: what was asked, how far it is, how it ended."""

import time
from collections import deque
from collections.abc import Callable, Iterator

from app.client.documents.events import Event
from app.client.documents.jobs import Job, LockSample, Vote
from app.client.problems import Busy, StillGoing
from app.client.reading import read
from app.client.resources.asking import Resource, part
from app.client.resources.looks import Looks
from app.client.transport import NOT_MODIFIED, Asked, Transport

POLL_S = 30
ENDED = frozenset({"succeeded", "failed", "cancelled", "needs_attention"})


Locks = list[LockSample]
Votes = list[Vote]


class Jobs(Resource):
    def __init__(self, transport: Transport, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(transport)
        self._now = now

    def list(
        self,
        environment: str | None = None,
        kind: str | None = None,
        state: str | None = None,
        idle: bool | None = None,
        limit: int | None = None,
    ) -> Iterator[Job]:
        """Newest first, page by page, without their steps; `idle`: with periodic jobs that did nothing."""
        asked = None if idle is None else str(idle).lower()
        return self._all(Job, "/jobs", environment=environment, kind=kind, state=state, idle=asked, limit=limit)

    def get(self, job_id: str) -> Job:
        return self._one(Job, "GET", _at(job_id))

    def wait(self, job: Job | str, timeout_s: float | None = None) -> Job:
        """The job at its end, by long polls. Raises StillGoing after `timeout_s`."""
        return deque(self.stream(job, timeout_s), maxlen=1).pop()

    def stream(self, job: Job | str, timeout_s: float | None = None) -> Iterator[Job]:
        """The job now, and whenever it is another than before, until it has ended. Raises StillGoing.

        A service that is away for less than a minute is waited for. Raises Unreachable or ServiceFailed after that.
        """
        started = self._now()
        looks = self.looks(job if isinstance(job, str) else job.id)
        while looks.last is None or looks.last.state not in ENDED:
            left = None if timeout_s is None else timeout_s - (self._now() - started)
            if looks.last is not None and left is not None and left <= 0:
                raise StillGoing(looks.last, timeout_s or 0)
            found = looks.next(POLL_S if left is None else left)
            if found is not None:
                yield found

    def looks(self, job_id: str) -> Looks:
        """To look at it again and again, at one's own pace."""
        return Looks(lambda tag, wait_s: self.look(job_id, tag, wait_s), self._transport.pause, self._now)

    def look(self, job_id: str, tag: str | None = None, wait_s: float = 0) -> tuple[Job | None, str | None]:
        """One long poll: the job and its tag; None where it is as `tag` knows it when the time is over."""
        seconds = max(1, min(POLL_S, int(wait_s))) if tag else 0
        headers = {} if tag is None else {"If-None-Match": tag}
        try:
            response = self._transport.send(
                Asked("GET", _at(job_id), {"wait": seconds}, headers=headers, wait_s=seconds)
            )
        except Busy:
            # no place left to wait in: ask without waiting
            response = self._transport.send(Asked("GET", _at(job_id), headers=headers))
            self._transport.pause(1)
        if response.status_code == NOT_MODIFIED:
            return None, tag
        return read(Job, response.json()), response.headers.get("ETag")

    def log(self, job_id: str) -> str:
        """The job's log as plain text."""
        return self._text(f"{_at(job_id)}/log")

    def events(self, job_id: str, after: str | None = None) -> Iterator[Event]:
        """What has happened to it, oldest first, page by page; behind the event that `after` names."""
        return self._all(Event, f"{_at(job_id)}/events", after=after)

    def locks(self, job_id: str) -> Locks:
        """Who stood in whose way while the job ran."""
        return self._list(LockSample, f"{_at(job_id)}/locks")

    def approvals(self, job_id: str) -> Votes:
        return self._list(Vote, f"{_at(job_id)}/approvals")

    def cancel(self, job_id: str) -> Job:
        return self._change("POST", f"{_at(job_id)}/cancel", {})

    def pause(self, job_id: str) -> Job:
        return self._change("POST", f"{_at(job_id)}/pause", {})

    def resume(self, job_id: str) -> Job:
        return self._change("POST", f"{_at(job_id)}/resume", {})

    def retry(self, job_id: str) -> Job:
        """A new job that asks for the same."""
        return self._change("POST", f"{_at(job_id)}/retry", {})

    def approve(self, job_id: str, note: str | None = None) -> Job:
        return self._change("POST", f"{_at(job_id)}/approve", {"note": note})

    def reject(self, job_id: str, note: str | None = None) -> Job:
        return self._change("POST", f"{_at(job_id)}/reject", {"note": note})


def _at(job_id: str) -> str:
    return f"/jobs/{part(job_id)}"
