"""What the steps of a watched job say while they run, line by line, as its events have it."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from app.cli.session import Session

if TYPE_CHECKING:
    from app.client.documents.jobs import Job


class Sayings:
    """Each line once. An answer that does not come is asked for again the next time: the job goes on without it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._after: str | None = None

    def of(self, job: "Job") -> Iterator[str]:
        """What is new since the last time."""
        from app.client import LiftlockProblem

        if not job.steps:
            return
        with suppress(LiftlockProblem):
            for event in self._session.client.jobs.events(job.id, self._after):
                self._after = event.id
                if event.type == "step.said":
                    yield self._session.out.paint(f"  {event.said}", dim=True)
