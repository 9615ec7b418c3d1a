"""A second session beside the one that works: whom it waits for, who waits for it, and how it is stopped."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from app.adapters.postgres import LOST, UNUSABLE, unavailable
from app.adapters.target import queries
from app.adapters.target.connection import close, connect
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.job import Attempt
from app.domain.locks import MOST_QUERY_CHARS, LockSample, Session
from app.domain.server_progress import ServerProgress

ANSWER_S = 2.0
_PROGRESS = """
    SELECT p.command, p.phase, c.oid::pg_catalog.regclass::text, p.done, p.total
    FROM (
        SELECT pid, relid, command, phase,
               CASE WHEN phase LIKE 'waiting %' THEN lockers_done
                    WHEN blocks_total > 0 THEN blocks_done ELSE tuples_done END AS done,
               CASE WHEN phase LIKE 'waiting %' THEN lockers_total
                    WHEN blocks_total > 0 THEN blocks_total ELSE tuples_total END AS total
        FROM pg_catalog.pg_stat_progress_create_index
        UNION ALL
        SELECT pid, relid, command, phase, heap_blks_scanned, heap_blks_total
        FROM pg_catalog.pg_stat_progress_cluster
        UNION ALL
        SELECT pid, relid, 'VACUUM', phase, heap_blks_scanned, heap_blks_total
        FROM pg_catalog.pg_stat_progress_vacuum
        UNION ALL
        SELECT pid, relid, 'ANALYZE', phase, sample_blks_scanned, sample_blks_total
        FROM pg_catalog.pg_stat_progress_analyze
        UNION ALL
        SELECT pid, relid, command, tuples_processed || ' rows', bytes_processed, bytes_total
        FROM pg_catalog.pg_stat_progress_copy) p
    LEFT JOIN pg_catalog.pg_class c ON c.oid = p.relid
    WHERE p.pid = $1 LIMIT 1
"""
"""A table that the session itself has made, and not committed, has no name here."""


class PostgresObservers:
    """Implements ports.Observers."""

    @asynccontextmanager
    async def open(self, environment: Environment, attempt: Attempt) -> AsyncIterator["PostgresObserver"]:
        connection: asyncpg.Connection | None = None
        try:
            connection = await connect(environment.worked_at, f"liftlock:observer={attempt.job_id}")
            yield PostgresObserver(connection, environment, attempt)
        except (*LOST, *UNUSABLE, asyncpg.PostgresError) as error:
            raise unavailable(error, environment.worked_at, f"the target of {environment.name}") from error
        finally:
            await close(connection)


class PostgresObserver:
    """Implements ports.Observer."""

    def __init__(self, connection: asyncpg.Connection, environment: Environment, attempt: Attempt) -> None:
        self._connection = connection
        self._environment = environment
        self._attempt = attempt

    async def sample(self, pid: int, step: int | None) -> LockSample:
        """Raises BackendUnavailable."""
        rows = await self._fetch(queries.LOCKS_AROUND, pid, MOST_QUERY_CHARS)
        wanted = rows[0]
        return LockSample(
            at=wanted["now"],
            pid=pid,
            step=step,
            mode=wanted["mode"],
            relation=wanted["relation"],
            blockers=tuple(_session(row) for row in rows if row["blocks"] is True),
            blocked=tuple(_session(row) for row in rows if row["blocks"] is False),
        )

    async def progress(self, pid: int) -> ServerProgress | None:
        """Raises BackendUnavailable."""
        rows = await self._fetch(_PROGRESS, pid)
        return ServerProgress(*rows[0]) if rows else None

    async def cancel(self, pid: int) -> None:
        """Raises BackendUnavailable."""
        await self._fetch(queries.CANCEL_BACKEND, pid, str(self._attempt.job_id))

    async def _fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        try:
            return list(await self._connection.fetch(query, *args, timeout=ANSWER_S))
        except (TimeoutError, *LOST, asyncpg.PostgresError) as error:
            raise BackendUnavailable(f"the observer of {self._environment.name}: {error}") from error


def _session(row: asyncpg.Record) -> Session:
    return Session(
        pid=row["pid"],
        user=row["usename"],
        application=row["application_name"] or None,
        state=row["state"],
        query=row["query"],
        since=row["since"],
        transaction_since=row["xact_start"],
    )
