"""Looks on while a migration is tried: which locks it holds when it has done everything and has not committed yet."""

from collections.abc import Sequence

from app.domain.lock_modes import Lock
from app.ports import Guide, Scratch, TargetSession


class Onlooker:
    """Implements ports.Guide, for whoever `guide` is. `locks` None: nobody could look, there was no transaction."""

    def __init__(self, scratch: Scratch, session: TargetSession, guide: Guide) -> None:
        self._scratch = scratch
        self._session = session
        self._guide = guide
        self.locks: Sequence[Lock] | None = None

    def is_halted(self) -> bool:
        return self._guide.is_halted()

    def is_paused(self) -> bool:
        return self._guide.is_paused()

    def keeps_others_waiting(self) -> bool:
        return self._guide.keeps_others_waiting()

    def say(self, message: str) -> None:
        self._guide.say(message)

    def note(self, ordinal: int, text: str) -> None:
        self._guide.note(ordinal, text)

    def heard(self, ordinal: int, line: str) -> None:
        self._guide.heard(ordinal, line)

    async def before_commit(self) -> None:
        """By a connection of its own, which sees names as they were before."""
        pid = self._session.backend_pid
        self.locks = None if pid is None else await self._scratch.locks(pid)
