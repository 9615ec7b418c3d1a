"""EventFeed on PostgreSQL: one connection a process hears that there is news, one query reads it for all streams.

While nobody follows anything there is neither.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Collection

import asyncpg
import structlog

from app.adapters.control import ear
from app.adapters.control.events import ControlEvents
from app.adapters.postgres import LOST, UNUSABLE
from app.domain.environment import Dsn
from app.domain.errors import BackendUnavailable
from app.ports import EventsWanted, Hear

CHANNEL = "liftlock_events"
AT_ONCE = 500
DEAF_POLL_S = 1.0
HEARING_POLL_S = 30.0
"""Whether the connection is dead and nobody has said so is found out then."""

log = structlog.get_logger()


class ControlFeed:
    """Implements ports.EventFeed. Everything here happens on one loop."""

    def __init__(self, dsn: Dsn, events: ControlEvents) -> None:
        self._dsn = dsn
        self._events = events
        self._followers: dict[Hear, frozenset[str]] = {}
        self._by_topic: dict[str, set[Hear]] = defaultdict(set)
        self._rung = asyncio.Event()
        self._beginning = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None
        self._connection: asyncpg.Connection | None = None
        self._read = 0

    async def join(self, topics: Collection[str], hear: Hear) -> int:
        async with self._beginning:
            if self._reader is None:
                # first the ear, then the look: what comes in between rings
                await self._listen()
                self._read = await self._events.newest()
                self._reader = asyncio.create_task(self._read_on())
            self._followers[hear] = frozenset(topics)
            for topic in topics:
                self._by_topic[topic].add(hear)
            return self._read

    async def leave(self, hear: Hear) -> None:
        for topic in self._followers.pop(hear, ()):
            self._by_topic[topic].discard(hear)
            if not self._by_topic[topic]:
                del self._by_topic[topic]
        async with self._beginning:
            if not self._followers:
                await self.close()

    async def close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _read_on(self) -> None:
        while True:
            # not `wait_for`: in Python 3.11 it takes a cancellation for its own where both come at once
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARING_POLL_S if self._hearing else DEAF_POLL_S):
                    await self._rung.wait()
            rung = self._rung.is_set()
            self._rung.clear()
            try:
                if not rung and self._connection is not None and self._hearing:
                    await ear.still_answers(self._connection)
                await self._listen()
                while await self._pass_on() == AT_ONCE:
                    pass
            except (*LOST, asyncpg.PostgresError, BackendUnavailable) as error:
                log.warning("events.unread", error=str(error))
                await asyncio.sleep(DEAF_POLL_S)

    async def _pass_on(self) -> int:
        events = await self._events.find(EventsWanted(self._read, limit=AT_ONCE))
        for event in events:
            self._read = event.id
            for hear in {hear for topic in event.topics for hear in self._by_topic.get(topic, ())}:
                hear(event)
        return len(events)

    @property
    def _hearing(self) -> bool:
        return self._connection is not None and not self._connection.is_closed()

    async def _listen(self) -> None:
        """While it cannot, rows are looked for every second."""
        if self._hearing:
            return
        try:
            self._connection = connection = await ear.listen(self._dsn, "liftlock:events", {CHANNEL: self._ring})
            connection.add_termination_listener(self._ring)
            self._rung.set()
        except (*LOST, *UNUSABLE) as error:
            log.warning("events.deaf", error=str(error))

    def _ring(self, *_: object) -> None:
        self._rung.set()
