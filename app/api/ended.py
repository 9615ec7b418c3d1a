"""Jobs that have ended, as this process has read them: no statement can change one any more, so none is asked twice."""

import threading
from uuid import UUID

from app.domain.job import Job

MOST = 512


class EndedJobs:
    """The newest that were asked for."""

    def __init__(self) -> None:
        self._jobs: dict[UUID, Job] = {}
        self._lock = threading.Lock()

    def get(self, job_id: UUID) -> Job | None:
        return self._jobs.get(job_id)

    def keep(self, job: Job) -> Job:
        """Only one that has ended is kept."""
        if job.state.final:
            with self._lock:
                self._jobs[job.id] = job
                while len(self._jobs) > MOST:
                    del self._jobs[next(iter(self._jobs))]
        return job
