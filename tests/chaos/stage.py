"""Where puppets move: a control database, two targets, a short history, and an eye on what may never be seen."""

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from app.adapters.control.database import ControlDatabase
from app.adapters.sources.folder import FolderSource
from app.domain.environment import Dsn, Environment
from app.domain.job import JobId, JobKind
from tests.chaos import checks
from tests.chaos.load import write_sql
from tests.chaos.observer import Observer
from tests.chaos.puppet import Control, Puppet
from tests.support.house import House, open_house
from tests.support.servers import Servers, execute

T = TypeVar("T")

TARGETS = ("a", "b")
NAMES = ("m1", "m2", "m3")
_JOBS = "SELECT id, state, attempt, target_id FROM liftlock_control.jobs ORDER BY seq"
_LAPSE = """
    UPDATE liftlock_control.jobs SET lease_until = clock_timestamp() - interval '1 s'
    WHERE state = 'running' AND id = $1
"""
_CLEAR_CONTROL = "TRUNCATE liftlock_control.targets, liftlock_control.jobs, liftlock_control.job_steps CASCADE"
_CLEAR_EVENTS = "TRUNCATE liftlock_control.job_events, liftlock_control.conflicts"
_CLEAR_TARGET = "DROP SCHEMA IF EXISTS liftlock CASCADE; TRUNCATE effects; " + "; ".join(
    f"DROP TABLE IF EXISTS m_{name}" for name in NAMES
)
MOST_MOVES = 200


class Stage:
    def __init__(self, house: House, environments: dict[str, Environment]) -> None:
        self.house = house
        self.dsns = {name: environment.dsn.secret for name, environment in environments.items()}
        self._connections: dict[str, asyncpg.Connection] = {}
        self._database = ControlDatabase(Dsn(house.dsn))
        self._control = Control(self._database)
        self._environments = environments
        self._catalog = self.run(FolderSource(house.folder, 1_000_000).read())
        self.clear()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.house.run_async(work)

    def clear(self) -> None:
        """As before the first job."""
        for sql in (_CLEAR_CONTROL, _CLEAR_EVENTS):
            self.ask(self.house.dsn, sql)
        for dsn in self.dsns.values():
            self.run(self._execute(dsn, _CLEAR_TARGET))
        self.observer = Observer(self.house.dsn, self.dsns)

    def puppet(self, name: str) -> Puppet:
        return Puppet(name, self._control, self._environments, self._catalog)

    def submit(self, kind: JobKind, target: str, **asked: Any) -> JobId:
        return self.house.submit(kind, environment=target, **asked).job.id

    def jobs(self) -> list[Any]:
        return self.ask(self.house.dsn, _JOBS)

    def rescue(self, job_id: JobId) -> None:
        self.run(self.rescued(job_id))

    async def rescued(self, job_id: JobId) -> None:
        """Its lease lapses, and a sweeper finds it."""
        await self._ask(self.house.dsn, _LAPSE, job_id)
        await self._control.sweep.rescue(100)

    def perform(self, puppet: Puppet, job_id: JobId) -> None:
        """From the claim to the end."""
        self.run(self.performed(puppet, job_id))

    async def performed(self, puppet: Puppet, job_id: JobId) -> None:
        assert await puppet.claim(job_id)
        await _advanced(puppet, MOST_MOVES)

    def advance(self, puppet: Puppet, moves: int) -> None:
        self.run(_advanced(puppet, moves))

    def finish_everything(self) -> None:
        """Every worker is gone; others come and do what is left, in order."""
        heir = self.puppet("heir")
        for row in self.jobs():
            if row["state"] == "running":
                self.rescue(JobId(row["id"]))
        for row in self.jobs():
            if row["state"] == "queued":
                self.perform(heir, JobId(row["id"]))

    def breaches(self, *targets: str) -> list[str]:
        """What holds at every moment and does not."""
        self.observer.saw(self.jobs())
        for name in targets:
            if self.ask(self.dsns[name], "SELECT 1 WHERE to_regclass('liftlock.fence') IS NOT NULL"):
                for row in self.ask(self.dsns[name], "SELECT epoch FROM liftlock.fence WHERE scope = ''"):
                    self.observer.saw_epoch(name, row["epoch"])
            self.observer.breaches += checks.under_way(self.dsns[name], self.ask)
        return self.observer.breaches

    def breaches_at_the_end(self) -> list[str]:
        found = checks.of_control(self.house.dsn) + checks.of_rollbacks(self.house.dsn, self.dsns)
        return found + [breach for dsn in self.dsns.values() for breach in checks.of_target(dsn)]

    def ask(self, dsn: str, sql: str, *args: object) -> list[Any]:
        """On a connection that is kept: this is asked after every move."""
        return self.run(self._ask(dsn, sql, *args))

    async def close(self) -> None:
        await self._database.close()
        for connection in self._connections.values():
            await connection.close()

    async def _ask(self, dsn: str, sql: str, *args: object) -> list[Any]:
        return list(await (await self._connected(dsn)).fetch(sql, *args))

    async def _execute(self, dsn: str, sql: str) -> None:
        await (await self._connected(dsn)).execute(sql)

    async def _connected(self, dsn: str) -> asyncpg.Connection:
        if dsn not in self._connections:
            self._connections[dsn] = await asyncpg.connect(dsn, statement_cache_size=0)
        return self._connections[dsn]


async def _advanced(puppet: Puppet, moves: int) -> None:
    for _ in range(moves):
        if puppet.attempt is None:
            return
        await puppet.advance()


@contextmanager
def staged(servers: Servers, folder: Path) -> Iterator[Stage]:
    environments = {name: Environment(name, Dsn(servers.new_database())) for name in TARGETS}
    for environment in environments.values():
        execute(environment.dsn.secret, checks.EFFECTS)
    write_sql(folder, NAMES)
    with open_house(servers, folder, environments=environments, shortcut=False) as house:
        stage = Stage(house, environments)
        try:
            yield stage
        finally:
            stage.run(stage.close())
