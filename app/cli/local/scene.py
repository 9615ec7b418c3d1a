"""What the demo stages, to have something to see: an index made by hand, and a session in the way."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from app.embedded.options import StackInfo

if TYPE_CHECKING:
    import asyncpg

    from app.client import Liftlock

PLACE = "staging"
DRIFTED = "development"
"""Where nothing is pending: a run takes the schema as it finds it, and with that the conflict would be over."""
AS_FAR_AS = "index_orders_by_customer"
BY_HAND = "CREATE INDEX orders_made_by_hand ON orders (placed_at)"
READER = "nightly-report"
READS = "SELECT count(*) FROM customers"
"""What a transaction has read nobody may alter until it has ended."""
IN_THE_WAY = """
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND $1 = ANY (pg_blocking_pids(pid)))
"""
WATCHED_S = 10.0
"""How long somebody may see a step wait."""
LOOK_S = 0.5


def set_scene(info: StackInfo, client: "Liftlock") -> bool:
    """Whether a session is in the way of what staging still lacks. A change by hand is made once per data folder."""
    statuses = {one.status for one in client.migrations.list(PLACE)}
    if statuses == {"pending"}:
        client.wait(client.environments.sync(PLACE, to=AS_FAR_AS))
        asyncio.run(_change_by_hand(info.targets[DRIFTED]))
        client.wait(client.environments.scan(DRIFTED))
    if "pending" not in statuses:
        return False
    threading.Thread(target=_sit, args=(info.targets[PLACE],), name=READER, daemon=True).start()
    return True


async def _change_by_hand(dsn: str) -> None:
    async with _session(dsn, "psql") as session:
        await session.execute(BY_HAND)


def _sit(dsn: str) -> None:
    import asyncpg

    # the stack may stop at any time, and takes the server with it
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        asyncio.run(_read_at_length(dsn))


async def _read_at_length(dsn: str) -> None:
    """In one transaction, until somebody has waited for it for a while."""
    async with _session(dsn, "liftlock-demo") as looking, _session(dsn, READER) as reading, reading.transaction():
        await reading.fetchval(READS)
        since: float | None = None
        while since is None or time.monotonic() < since + WATCHED_S:
            if since is None and await looking.fetchval(IN_THE_WAY, reading.get_server_pid()):
                since = time.monotonic()
            await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def _session(dsn: str, application: str) -> "AsyncIterator[asyncpg.Connection]":
    import asyncpg

    connection = await asyncpg.connect(dsn, server_settings={"application_name": application})
    try:
        yield connection
    finally:
        await connection.close()
