"""The locks that a session holds in a scratch database, as everybody else sees them."""

from collections.abc import Iterable

import asyncpg

from app.adapters.scratch import statements
from app.adapters.target.introspect import OWN_SCHEMAS
from app.domain.effects.passage import stored
from app.domain.lock_modes import Lock, LockMode

_MODES = {f"{mode.title().replace(' ', '')}Lock": mode for mode in LockMode}
"""As pg_locks calls them: AccessExclusiveLock."""


async def locks_of(connection: asyncpg.Connection, pid: int) -> tuple[Lock, ...]:
    """The strongest on each relation; one on an index only where it stops more than that on its table."""
    rows = await connection.fetch(statements.LOCKS, pid, list(OWN_SCHEMAS))
    modes = {row["name"]: _strongest(row["modes"]) for row in rows}
    return tuple(
        Lock(stored(row["name"]), modes[row["name"]])
        for row in rows
        if row["table"] is None or not _covers(modes.get(row["table"]), modes[row["name"]])
    )


def _strongest(modes: Iterable[str]) -> LockMode:
    return max((_MODES[mode] for mode in modes), key=lambda mode: mode.strength)


def _covers(on_table: LockMode | None, on_index: LockMode) -> bool:
    return on_table is not None and on_table.strength >= on_index.strength
