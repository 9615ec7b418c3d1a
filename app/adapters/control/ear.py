"""A connection that only listens never learns that its other end is gone: what is between them may drop it silently."""

from collections.abc import Callable, Mapping

import asyncpg
import structlog

from app.adapters.control.database import CONNECT_TIMEOUT_S
from app.adapters.postgres import LOST
from app.domain.environment import Dsn

PROVEN_FOR_S = 30.0
ANSWER_S = 2.0

log = structlog.get_logger()


async def listen(dsn: Dsn, name: str, channels: Mapping[str, Callable[..., None]]) -> asyncpg.Connection:
    """Raises what connecting raises, and leaves nothing half open."""
    connection = await asyncpg.connect(
        dsn.secret,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=CONNECT_TIMEOUT_S,
        server_settings={"application_name": name},
    )
    try:
        for channel, heard in channels.items():
            await connection.add_listener(channel, heard)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def still_answers(connection: asyncpg.Connection) -> bool:
    """Else it is closed. Asked while it rests, as a gateway lets go of who has said nothing for some minutes."""
    try:
        await connection.execute("SELECT 1", timeout=ANSWER_S)
    except (*LOST, asyncpg.PostgresError) as error:
        log.warning("ear.closed", error=f"{type(error).__name__}: {error}")
        connection.terminate()
        return False
    return True
