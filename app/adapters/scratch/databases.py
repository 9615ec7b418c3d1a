"""Scratch databases on PostgreSQL: created beside the target or on a server of their own, found again, dropped."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from app.adapters.scratch.database import PostgresScratch
from app.adapters.scratch.dump import PgDump
from app.adapters.scratch.servers import connected, drop_database, named, ours, server_of
from app.domain.environment import Environment, Protection, SchemaCheck
from app.domain.job import Attempt
from app.domain.scratch import Leftover, scratch_name

log = structlog.get_logger()


class PostgresScratches:
    """Implements ports.Scratches."""

    def __init__(self, dump: PgDump) -> None:
        self._dump = dump

    def environment(self, environment: Environment, attempt: Attempt) -> Environment:
        """Open, and without looks at its schema: it belongs to one job alone."""
        name = scratch_name(attempt.job_id, attempt.number)
        return Environment(
            name=f"{environment.name} (scratch)",
            dsn=named(server_of(environment), name),
            protection=Protection.OPEN,
            scope=environment.scope,
            schema_check=SchemaCheck.OFF,
        )

    @asynccontextmanager
    async def open(self, environment: Environment, attempt: Attempt) -> AsyncIterator["PostgresScratch"]:
        await self._drop_earlier(environment, attempt)
        scratch = PostgresScratch(environment, self.environment(environment, attempt), attempt, self._dump)
        try:
            await scratch.create()
            yield scratch
        finally:
            await scratch.drop()

    async def leftovers(self, environment: Environment) -> tuple[Leftover, ...]:
        async with connected(environment, server_of(environment)) as connection:
            return await ours(connection)

    async def drop(self, environment: Environment, leftover: Leftover) -> bool:
        """Looked at once more: between the two somebody may have connected, or made another of that name."""
        async with connected(environment, server_of(environment)) as connection:
            now = await ours(connection, leftover.database)
            if [one.job_id for one in now] != [leftover.job_id]:
                return False
            await drop_database(connection, leftover.database)
        log.info("scratch.leftover_dropped", database=leftover.database, job=str(leftover.job_id))
        return True

    async def _drop_earlier(self, environment: Environment, attempt: Attempt) -> None:
        """Earlier attempts of this job are over: whatever they have left is in nobody's hands."""
        if attempt.number == 1:
            return
        for one in await self.leftovers(environment):
            if one.job_id == attempt.job_id:
                await self.drop(environment, one)
