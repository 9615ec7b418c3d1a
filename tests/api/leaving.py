"""An environment that is no longer in liftlock.toml, with jobs that it has left."""

from dataclasses import replace

from app.domain.environment import Protection
from app.domain.job import Job, JobId, JobKind, JobRequest, Origin
from app.domain.removed import InFile
from app.ports import NewJob
from tests.api.stand import Stand
from tests.fakes.jobs import MemoryJobs

STAGING = InFile("staging", "postgresql://owner@old:5432/staging", Protection.CONFIRM)


def leave_out(stand: Stand, *names: InFile) -> None:
    stand.run(stand.file.seen(names or (STAGING,)))
    stand.run(stand.services.registry.refresh())


def add(stand: Stand, environment: str = "staging", kind: JobKind = JobKind.RUN, **changed: object) -> Job:
    new = NewJob(JobId(stand.clock.new_id()), JobRequest(kind, environment), Origin(), "it is waiting for a worker")
    job = stand.run(MemoryJobs(stand.store).add(replace(new, **changed)))  # type: ignore[arg-type]
    stand.run(stand.services.registry.refresh())
    return job
