"""One listening connection a process: wakes whoever watches a job when its row changes."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import structlog

from app.adapters.codec import NOTHING_DONE
from app.adapters.control import ear
from app.adapters.postgres import LOST, UNUSABLE
from app.domain.announced import NothingDone
from app.domain.environment import Dsn
from app.domain.job import JobState

CHANNEL = "liftlock_jobs"
ENDS = "liftlock_ends"
UNHEARD_POLL_S = 1.0

log = structlog.get_logger()


class Watcher:
    """Changes of one job. While nothing can be heard it wakes every second, so that its owner looks itself."""

    def __init__(self, announcements: "Announcements") -> None:
        self._announcements = announcements
        self._ended = False
        self.end: NothingDone | None = None
        self.event = asyncio.Event()

    @property
    def ended(self) -> bool:
        return self._ended or not self._announcements.hearing

    def hear(self, state: JobState) -> None:
        self._ended = self._ended or state.final
        self.event.set()

    async def wait(self, timeout_s: float) -> bool:
        patience = timeout_s if self._announcements.hearing else min(timeout_s, UNHEARD_POLL_S)
        try:
            async with asyncio.timeout(patience):
                await self.event.wait()
        except TimeoutError:
            return patience < timeout_s
        self.event.clear()
        return True


class Announcements:
    def __init__(self, dsn: Dsn) -> None:
        self._dsn = dsn
        self._connection: asyncpg.Connection | None = None
        self._connecting = asyncio.Lock()
        self._proven_at = 0.0
        self._watchers: dict[UUID, set[Watcher]] = defaultdict(set)

    @property
    def hearing(self) -> bool:
        return self._connection is not None and not self._connection.is_closed()

    @asynccontextmanager
    async def watch(self, job_id: UUID) -> AsyncIterator[Watcher]:
        await self._listen()
        watcher = Watcher(self)
        self._watchers[job_id].add(watcher)
        try:
            yield watcher
        finally:
            self._watchers[job_id].discard(watcher)
            if not self._watchers[job_id]:
                del self._watchers[job_id]

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close(timeout=1)

    async def _listen(self) -> None:
        if self._surely_hearing:
            return
        async with self._connecting:
            if self._surely_hearing or await self._hears_on():
                return
            try:
                channels = {ENDS: self._heard_end, CHANNEL: self._heard}
                connection = await ear.listen(self._dsn, "liftlock:announcements", channels)
                connection.add_termination_listener(self._deaf)
                self._connection = connection
                self._prove()
            except (*LOST, *UNUSABLE) as error:
                log.warning("announcements.deaf", error=str(error))

    @property
    def _surely_hearing(self) -> bool:
        return self.hearing and asyncio.get_running_loop().time() - self._proven_at < ear.PROVEN_FOR_S

    async def _hears_on(self) -> bool:
        if self._connection is None or not self.hearing or not await ear.still_answers(self._connection):
            return False
        self._prove()
        return True

    def _prove(self) -> None:
        self._proven_at = asyncio.get_running_loop().time()

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._prove()
        job_id, _, state = str(payload).partition(" ")
        for watcher in self._watchers.get(UUID(job_id), ()):
            watcher.hear(JobState(state))

    def _heard_end(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        """Just before the announcement itself, which wakes."""
        job_id, _, end = str(payload).partition(" ")
        for watcher in self._watchers.get(UUID(job_id), ()):
            watcher.end = NOTHING_DONE.validate_json(end)

    def _deaf(self, _connection: object) -> None:
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.event.set()
