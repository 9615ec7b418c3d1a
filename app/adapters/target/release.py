"""Frees a target that a job holds which nobody will ever go on with."""

from uuid import UUID

import asyncpg
import structlog

from app.adapters.codec import ENDED, to_json
from app.adapters.postgres import LOST, UNUSABLE, unavailable
from app.adapters.target import mark_queries, queries
from app.adapters.target.connection import Patience, close, connect, transaction
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.job import Ended
from app.domain.signals import ConnectionLost

EVERY_ATTEMPT = 2**31 - 1

log = structlog.get_logger()


async def release(environment: Environment, stranded: UUID, outcome: Ended, patience: Patience) -> None:
    """End the sessions of `stranded`, write how it ended and free the fence, unless another job holds it.

    Its sessions go first: one of them may be in a transaction and hold the fence's row. Raises
    BackendUnavailable, also when a session would not end in time.
    """
    what = f"the target of {environment.name}"
    try:
        connection = await connect(environment.worked_at, "liftlock:release")
    except (*LOST, *UNUSABLE, asyncpg.PostgresError) as error:
        raise unavailable(error, environment.worked_at, what) from error
    try:
        ended = await connection.fetch(queries.TERMINATE_OLDER_ATTEMPTS, str(stranded), EVERY_ATTEMPT)
        async with transaction(connection, patience):
            await connection.execute(mark_queries.RELEASE, environment.scope, stranded, to_json(ENDED, outcome))
    except asyncpg.LockNotAvailableError as error:
        raise BackendUnavailable(f"a session still holds the fence of {what}; it is tried again") from error
    except (ConnectionLost, *LOST, asyncpg.PostgresError) as error:
        raise unavailable(error, environment.worked_at, what) from error
    finally:
        await close(connection)
    log.warning("target.released", environment=environment.name, stranded=str(stranded), pids=[row[0] for row in ended])
