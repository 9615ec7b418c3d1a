"""One job, looked at again and again; a service that is away for a while is waited for, since the job goes on."""

import time
from collections.abc import Callable

from app.client.documents.jobs import Job
from app.client.problems import Busy, LiftlockProblem, ServiceFailed, Unreachable

PATIENCE_S = 60
"""A service that is started again, or moved to another machine, takes no longer."""
BETWEEN_TRIES_S = 1

Look = Callable[[str | None, float], tuple[Job | None, str | None]]


class Looks:
    """`last`: the job as it was last seen. `away`: why the newest look has seen nothing.

    `look`: one long poll with the tag of the last answer, for so many seconds.
    """

    def __init__(self, look: Look, pause: Callable[[float], None], now: Callable[[], float] = time.monotonic) -> None:
        self._look = look
        self._pause = pause
        self._now = now
        self._tag: str | None = None
        self._heard_at = now()
        self.last: Job | None = None
        self.away: LiftlockProblem | None = None

    def next(self, wait_s: float) -> Job | None:
        """The job where it is another than before; None when the time is over, or when nobody answers for now.

        Raises what the matter is once nobody has answered for `PATIENCE_S`, or where nobody ever has.
        """
        try:
            found, self._tag = self._look(self._tag, wait_s)
        except (Unreachable, ServiceFailed, Busy) as problem:
            if self.last is None or self._now() - self._heard_at >= PATIENCE_S:
                raise
            self.away = problem
            self._pause(min(BETWEEN_TRIES_S, wait_s))
            return None
        self.away = None
        self._heard_at = self._now()
        self.last = found or self.last
        return found
