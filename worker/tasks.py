"""The tasks: one line of work each. What they mean stands in the services."""

from uuid import UUID

from app.adapters.queue import RUN_JOB
from app.domain.errors import BackendUnavailable
from app.domain.job import JobId
from worker.celery import app, services
from worker.schedule import TICK

AWAY = (BackendUnavailable,)
"""Said in our own log, and no crash: Celery would print a traceback for each."""


@app.task(name=RUN_JOB, throws=AWAY)
def run_job(job_id: str) -> None:
    services().portal.run(services().runner.perform(JobId(UUID(job_id))))


@app.task(name=TICK, throws=AWAY)
def tick() -> None:
    services().portal.run(services().schedules.tick())
