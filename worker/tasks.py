"""The tasks: one line of work each. What they mean stands in the services."""

from uuid import UUID

from app.adapters.queue import RUN_JOB
from app.domain.job import JobId
from worker.celery import app, services
from worker.schedule import TICK


@app.task(name=RUN_JOB)
def run_job(job_id: str) -> None:
    services().portal.run(services().runner.perform(JobId(UUID(job_id))))


@app.task(name=TICK)
def tick() -> None:
    services().portal.run(services().schedules.tick())
