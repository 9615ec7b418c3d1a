"""The tasks: one line of work each. What they mean stands in the services."""

from uuid import UUID

from app.adapters.queue import RUN_JOB
from app.domain.job import JobId
from worker.celery import app, services
from worker.schedule import HOUSEKEEPING


@app.task(name=RUN_JOB)
def run_job(job_id: str) -> None:
    services().portal.run(services().runner.perform(JobId(UUID(job_id))))


@app.task(name=HOUSEKEEPING)
def housekeeping() -> None:
    services().sweeper_portal.run(services().sweeper.purge())
