"""Whether a pooler that lends connections by the transaction stands before a target, and what is different then."""

import asyncpg

from app.adapters.target.connection import close, connect
from app.adapters.target.prepared import literal
from app.domain.environment import Dsn

SHARED_NAME = "liftlock"
MOST_PID = 2**22
"""Linux knows no greater one (proc_sys_kernel(5), pid_max); the numbers that poolers make up have 32 bits."""
LOOKS = 3


class Pooling:
    """`name` is that of the sessions: a newer attempt ends those of older ones by it.

    Behind a pooler it stays on the connection, and clients who have none of their own go on under it. There it
    is set for each transaction alone.
    """

    def __init__(self, name: str, scope: str = "") -> None:
        self._name = name
        self._scope = scope
        self.is_there = False

    @property
    def naming(self) -> str:
        """What each transaction begins with; nothing where the whole session bears the name."""
        return f"SET LOCAL application_name = {literal(self._name)}" if self.is_there else ""

    async def connect(self, dsn: Dsn) -> asyncpg.Connection:
        connection = await connect(dsn, SHARED_NAME if self.is_there else self._name, self._scope)
        if self.is_there or not is_made_up(connection.get_server_pid()):
            return connection
        self.is_there = True
        await close(connection)
        return await connect(dsn, SHARED_NAME, self._scope)

    async def notice(self, connection: asyncpg.Connection, pid: int) -> bool:
        """True when the server's process shows, within a transaction, that there is a pooler after all."""
        if self.is_there or pid == connection.get_server_pid():
            return False
        self.is_there = True
        await connection.execute(f"SET application_name = {literal(SHARED_NAME)}")
        return True


def is_made_up(pid: int) -> bool:
    """Whether it is no process of the server's; a pooler's may look like one all the same."""
    return not 0 < pid <= MOST_PID


async def is_lent_by_the_transaction(one: asyncpg.Connection, other: asyncpg.Connection) -> bool:
    """Both came the same way, and prepare nothing. Whoever has a process of the server's own goes on with it, whatever
    the other does. Who is lent one finds it taken by the other, where the one used last is lent next; or else gets the
    next one each time."""
    seen = {await _process(one)}
    async with other.transaction():
        await other.execute("SELECT 1")
        seen.add(await _process(one))
    for _ in range(LOOKS):
        seen.add(await _process(one))
    return len(seen) > 1


async def _process(connection: asyncpg.Connection) -> int:
    """In a transaction, else the driver would ask one and be answered by another."""
    async with connection.transaction():
        return int(await connection.fetchval("SELECT pg_catalog.pg_backend_pid()"))


async def is_lent(connection: asyncpg.Connection) -> bool:
    """Whether a pooler stands before the server, seen without leaving anything behind on what it has lent."""
    pid = connection.get_server_pid()
    if is_made_up(pid):
        return True
    # as a plain query: the driver would prepare any other
    return await connection.execute(f"SELECT WHERE pg_backend_pid() = {pid}") != "SELECT 1"
