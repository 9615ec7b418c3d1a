"""A whole Liftlock in the test's own process, on real servers: its services, and a worker's hand."""

import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from flask import Flask
from werkzeug.test import TestResponse

from app.domain.environment import Dsn, Environment, Protection
from app.domain.job import Job, JobId, JobKind, JobRequest, Origin
from app.services.submission import Submitted
from app.settings import Settings, Timing
from app.wiring import Services, build
from tests.support import applications
from tests.support.eventually import eventually
from tests.support.servers import Servers, execute, fetch, value

T = TypeVar("T")

QUICK = Timing(
    lease_ttl_ms=1_500,
    beat_every_ms=500,
    sweep_every_ms=200,
    lock_timeout_ms=200,
    data_lock_timeout_ms=500,
    fence_timeout_ms=500,
    lock_retry_base_ms=20,
    lock_retry_cap_ms=50,
    give_back_ms=50,
)


_END_ALL = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1"
_templates: dict[int, str] = {}
"""Of each server, by its port."""


class House:
    """`database` is the control database and, as without a liftlock.toml, the target of development."""

    def __init__(self, services: Services, folder: Path) -> None:
        self.services = services
        self.folder = folder
        self.dsn = services.settings.database.secret

    @cached_property
    def _application(self) -> Flask:
        return applications.lend(self.services)

    def close(self) -> None:
        self.services.close()
        if "_application" in vars(self):
            applications.take_back(self._application)

    def run_async(self, work: Coroutine[Any, Any, T]) -> T:
        return self.services.portal.run(work)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def submit(self, kind: JobKind = JobKind.RUN, **asked: Any) -> Submitted:
        request = JobRequest(kind, asked.pop("environment", "development"), **asked)
        match kind:
            case JobKind.RUN:
                return self.run_async(self.services.migrations.submit(request, Origin()))
            case JobKind.ROLLBACK:
                return self.run_async(self.services.rollbacks.submit(request, Origin()))
            case JobKind.RESET:
                return self.run_async(self.services.rollbacks.reset(request, Origin()))
            case JobKind.MARK:
                return self.run_async(self.services.migrations.mark(request, Origin()))
            case _:
                raise AssertionError(f"{kind} is asked for over HTTP")

    def http(self, method: str, path: str, **given: Any) -> TestResponse:
        """Ask the whole HTTP application over these services."""
        return self._application.test_client().open(path, method=method, base_url="http://localhost:3000", **given)

    def perform(self, job_id: JobId) -> Job:
        """Do what a worker does when the job is delivered; the job afterwards."""
        self.run_async(self.services.runner.perform(job_id))
        return self.job(job_id)

    def job(self, job_id: JobId) -> Job:
        return self.run_async(self.services.migrations.job(job_id))

    def do(self, kind: JobKind = JobKind.RUN, **asked: Any) -> Job:
        """Submit and perform."""
        submitted = self.submit(kind, **asked)
        return submitted.job if submitted.job.state.final else self.perform(submitted.job.id)

    def job_row(self) -> asyncpg.Record:
        """The row of the running job, as it stands in the control database."""
        (row,) = fetch(self.dsn, "SELECT * FROM liftlock_control.jobs WHERE state = 'running'")
        return row

    def statuses(self) -> dict[str, str]:
        every = self.run_async(self.services.sync.migrations("development"))
        return {status.name: status.status.value for status in every}


def installed_database(servers: Servers) -> str:
    """The DSN of a database in which the control tables stand already, as most tests want it."""
    port = servers.postgres.port
    if port not in _templates:
        _templates[port] = _template(servers)
    dsn = servers.copy_of(_templates[port])
    # as old as the copy, not as what it was copied from
    execute(dsn, "UPDATE liftlock_control.schedules SET next_due = clock_timestamp() + every")
    return dsn


def _template(servers: Servers) -> str:
    """To install takes longer than to copy what is installed."""
    database = Dsn(servers.new_database())
    settings = Settings(
        database, servers.valkey.url, {"development": Environment("development", database)}, "development", Path()
    )
    services = build(settings)
    try:
        services.portal.run(services.installer.install())
    finally:
        services.close()
    server = servers.postgres.dsn()
    execute(server, f'ALTER DATABASE "{database.database}" ALLOW_CONNECTIONS false')
    eventually(lambda: value(server, _END_ALL, database.database) == 0)
    servers.keep(database.database)
    return database.database


@contextmanager
def open_house(servers: Servers, folder: Path, dsn: str | None = None, **changed: Any) -> Iterator[House]:
    """A house of its own database; `changed` are fields of Settings."""
    database = Dsn(dsn or installed_database(servers))
    environments = changed.pop("environments", None) or {"development": Environment("development", database)}
    settings = Settings(
        database=database,
        redis_url=changed.pop("redis_url", servers.valkey.url),
        environments=environments,
        default_environment=next(iter(environments)),
        migrations=folder,
        timing=changed.pop("timing", QUICK),
        **changed,
    )
    house = House(build(settings), folder)
    try:
        house.run_async(house.services.installer.install())
        yield house
    finally:
        house.close()


@contextmanager
def locked_house(servers: Servers, folder: Path, *consent: str) -> Iterator[House]:
    """Its target is its control database; what is not consented to is refused there."""
    dsn = installed_database(servers)
    environments = {"development": Environment("development", Dsn(dsn), Protection.LOCKED, consent=frozenset(consent))}
    with open_house(servers, folder, dsn, shortcut=False, environments=environments) as house:
        yield house


@contextmanager
def working(house: House, job_id: JobId) -> Iterator[None]:
    """A worker has the job while the body runs, and has ended it afterwards."""
    worker = threading.Thread(target=house.perform, args=(job_id,))
    worker.start()
    try:
        yield
    finally:
        worker.join(30)
        assert not worker.is_alive(), "the worker never came to an end"
