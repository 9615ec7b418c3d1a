"""A stream of events for one request: what its caller has missed, then what happens, each once and in order.

The request's thread sleeps in a mailbox that the feed of the process fills; nothing is asked of the database while
nothing happens.
"""

import contextlib
import queue
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from uuid import UUID

from app.api.waiting import Waiters
from app.domain.errors import BackendUnavailable
from app.domain.events import Event
from app.portal import PortalClosed
from app.ports import EventsWanted
from app.wiring import Services

HEARTBEAT_S = 15.0
LONGEST_STREAM_S = 3600.0
"""Then its caller comes again, with the token that it has then."""
LOOK_EVERY_S = 1.0
"""So often it is asked whether its caller is still let in."""

MOST_UNREAD = 1000
PAGE = 500
_STOP_CHECK_S = 1.0


class Mailbox:
    """What a slow reader has not fetched is let go of, and read again from the rows."""

    def __init__(self) -> None:
        self._unread: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.behind = False

    def hear(self, event: Event) -> None:
        if self._unread.qsize() >= MOST_UNREAD:
            self.behind = True
        else:
            self._unread.put(event)

    def next(self, timeout_s: float) -> Event | None:
        try:
            return self._unread.get(timeout=timeout_s)
        except queue.Empty:
            return None


@dataclass
class Following:
    """Iterated on the request's thread. None stands for a while in which nothing happened.

    `after`: the last event that the caller has, None for what happens from now on. With `job_id` it ends when the job
    has ended and everything was sent; `job_ended` says whether that was so at the beginning. It ends as well when
    `admitted` says that its caller is let in no longer.
    """

    services: Services
    waiters: Waiters
    topics: Collection[str]
    after: int | None = None
    job_id: UUID | None = None
    job_ended: bool = False
    heartbeat_s: float = HEARTBEAT_S
    clock: Callable[[], float] = field(default=time.monotonic)
    admitted: Callable[[], bool] = field(default=lambda: True)

    def __iter__(self) -> Iterator[Event | None]:
        self._until, self._ended = self.clock() + LONGEST_STREAM_S, self.job_ended
        self._look_at, self._turned_out = self.clock() + LOOK_EVERY_S, False
        with contextlib.suppress(BackendUnavailable, PortalClosed, CancelledError):
            while not (self._ended or self._is_over()):
                yield from self._followed()
            if self.job_id is not None and self._ended:
                yield from self._replayed(self.after or 0, None)

    def _is_over(self) -> bool:
        return self.waiters.released or self.clock() >= self._until or self._is_turned_out()

    def _is_turned_out(self) -> bool:
        if not self._turned_out and self.clock() >= self._look_at:
            self._turned_out = not self.admitted()
            self._look_at = self.clock() + LOOK_EVERY_S
        return self._turned_out

    def _followed(self) -> Iterator[Event | None]:
        """Until the mailbox was too small, or the job has ended."""
        mailbox, run = Mailbox(), self.services.portal.run
        joined_at = run(self.services.feed.join(self.topics, mailbox.hear))
        try:
            # a database that was put back to an earlier state knows fewer events than the caller
            self.after = joined_at if self.after is None else min(self.after, joined_at)
            yield from self._replayed(self.after, joined_at)
            if not self._ended:
                yield from self._live(mailbox)
        finally:
            with contextlib.suppress(PortalClosed, CancelledError):
                run(self.services.feed.leave(mailbox.hear))

    def _replayed(self, after: int, until: int | None) -> Iterator[Event]:
        while not self.waiters.released:
            wanted = EventsWanted(after, until, PAGE, self.job_id)
            page = self.services.portal.run(self.services.events.find(wanted))
            for event in page:
                if not self._is_known(event):
                    yield self._sent(event)
            if len(page) < PAGE:
                break
            after = page[-1].id
        self.after = max(self.after or 0, until or 0)

    def _live(self, mailbox: Mailbox) -> Iterator[Event | None]:
        quiet_since = self.clock()
        while not (self._is_over() or mailbox.behind or self._ended):
            event = mailbox.next(min(_STOP_CHECK_S, self.heartbeat_s))
            if event is not None:
                yield self._sent(event)
                quiet_since = self.clock()
            elif self.clock() - quiet_since >= self.heartbeat_s:
                yield None
                quiet_since = self.clock()

    def _is_known(self, event: Event) -> bool:
        return self.job_id is None and not any(topic in self.topics for topic in event.topics)

    def _sent(self, event: Event) -> Event:
        self.after = event.id
        self._ended = self._ended or (self.job_id is not None and event.ends_job)
        return event
