"""The few connections to each target that only ask: by which all the questions of this process go."""

from functools import partial

import asyncpg

from app.adapters.target.connection import CLOSE_TIMEOUT_S, CONNECT_TIMEOUT_S
from app.adapters.target.pooling import is_lent
from app.domain.environment import Dsn

READERS = 4
READ_TIMEOUT_S = 10
IDLE_S = 60
PREPARED = 20
"""More than there are questions."""


class Readers:
    """A pool for each address; of one event loop."""

    def __init__(self) -> None:
        self._pools: dict[Dsn, asyncpg.Pool] = {}

    async def pool(self, dsn: Dsn) -> asyncpg.Pool:
        """Made on first use; connections are made when asked for, so a target that is away hinders nobody."""
        pool = self._pools.get(dsn)
        if pool is None:
            pool = asyncpg.create_pool(
                connect=partial(_connect, dsn),
                min_size=0,
                max_size=READERS,
                max_inactive_connection_lifetime=IDLE_S,
                # nothing here changes its session, so there is nothing to take back between two questions
                reset=_leave_as_it_is,
            )
            self._pools[dsn] = pool
            await pool
        return pool

    def close(self) -> None:
        for pool in self._pools.values():
            pool.terminate()
        self._pools.clear()


async def _connect(dsn: Dsn, *_: object, **__: object) -> asyncpg.Connection:
    """Questions stay prepared on it, which is half of what they take.

    Not where a pooler lends it by the transaction: what is prepared would stay behind with others.
    """
    connection = await _connected(dsn, PREPARED)
    try:
        if not await is_lent(connection):
            return connection
    except BaseException:
        connection.terminate()
        raise
    await connection.close(timeout=CLOSE_TIMEOUT_S)
    return await _connected(dsn, 0)


async def _connected(dsn: Dsn, prepared: int) -> asyncpg.Connection:
    return await asyncpg.connect(
        dsn.secret,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=READ_TIMEOUT_S,
        statement_cache_size=prepared,
        server_settings={"application_name": "liftlock:reader"},
    )


async def _leave_as_it_is(_connection: object) -> None:
    pass
