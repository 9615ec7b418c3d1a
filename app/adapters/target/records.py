"""What the ledger says and what is written into it; always inside somebody else's transaction."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from app.adapters.codec import FAILURE, PINNED, from_json, to_json
from app.adapters.postgres import Unfit
from app.adapters.target import queries
from app.domain.environment import Environment, Protection, stricter
from app.domain.failure import Failure
from app.domain.ledger import History, LedgerEntry, Status, ledger_id
from app.domain.migration import Direction
from app.domain.pinned import Pinned
from app.domain.step import Step, recorded_text
from app.ports import TargetView

LEDGER_FILES = ("ledger.sql", "ledger_0002.sql", "ledger_0003.sql", "ledger_0004.sql", "ledger_0005.sql")
"""In the order of the versions that they bring the ledger to, from 1."""

WITHOUT_ITS_ROWS = (
    "its ledger is there without its rows, as after pg_dump --schema-only, so nobody knows what is applied. Where "
    "it is to stay empty, run DROP SCHEMA liftlock CASCADE; DROP SCHEMA IF EXISTS liftlock_preserved CASCADE; "
    'and record what the schema has already: POST /migrations/mark {"as": "baseline"}'
)

Row = Callable[..., Awaitable[asyncpg.Record | None]]
Reading = asyncpg.Connection | PoolConnectionProxy


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who writes: the target and scope, the job, its epoch and whoever asked for it."""

    target: str
    scope: str
    job_id: UUID
    epoch: int
    actor: str


async def ensure_ledger(connection: asyncpg.Connection) -> None:
    """Create the ledger if it is not there; the lock is taken only when something is missing. Raises Unfit."""
    if await connection.fetchval(queries.HAS_LEDGER):
        if await connection.fetchval(queries.LEDGER_VERSION) is None:
            raise Unfit(WITHOUT_ITS_ROWS)
        return
    await connection.execute(queries.BOOTSTRAP_LOCK)
    if not await connection.fetchval(queries.HAS_LEDGER):
        await connection.execute(_sql_of(LEDGER_FILES[0]))
    await upgrade_ledger(connection)


async def upgrade_ledger(connection: asyncpg.Connection) -> None:
    """Bring the ledger of an earlier release up to this one. Whoever holds the fence may."""
    await connection.execute(queries.BOOTSTRAP_LOCK)
    version = await connection.fetchval(queries.LEDGER_VERSION)
    for file in LEDGER_FILES[version:]:
        await connection.execute(_sql_of(file))


async def read_view(connection: Reading, scope: str) -> TargetView:
    """The ledger must be there: see `has_ledger`. Raises Unfit."""
    view, _ = await read_view_and_plan(connection, scope, None)
    return view


async def read_view_and_plan(connection: Reading, scope: str, job_id: UUID | None) -> tuple[TargetView, Pinned | None]:
    """What the ledger says, and the plan that is pinned for the job, if one is."""
    rows = await connection.fetch(queries.VIEW_AND_PLAN, scope, job_id)
    version = rows[0]["ledger_version"]
    if job_id is None and version is None:
        raise Unfit(WITHOUT_ITS_ROWS)
    if job_id is not None and version is not None and version < len(LEDGER_FILES):
        # within the fenced transaction of the job, which is the first of this release here
        assert isinstance(connection, asyncpg.Connection)
        await upgrade_ledger(connection)
    history = History.of(_entry(row) for row in rows if row["id"] is not None)
    plan = None if rows[0]["plan"] is None else from_json(PINNED, rows[0]["plan"])
    owner, holder = rows[0]["environment"], rows[0]["holder"]
    protection = None if owner is None else Protection(rows[0]["protection"])
    return TargetView(history, owner, protection, holder, unlocked=rows[0]["unlocked"]), plan


async def has_ledger(connection: Reading) -> bool:
    return bool(await connection.fetchval(queries.HAS_LEDGER))


async def pin(
    connection: asyncpg.Connection, environment: Environment, view: TargetView, job_id: UUID, plan: Pinned
) -> None:
    """The plan and, beside it, whose database this is. Its protection is raised, never lowered."""
    protection = stricter(environment.protection, view.protection or environment.protection)
    await connection.execute(
        queries.PIN_PLAN, environment.scope, job_id, to_json(PINNED, plan), environment.name, protection.value
    )


def file_columns(step: Step) -> tuple[object, ...]:
    """What the ledger keeps of a file, in the order that every statement that writes it takes it in."""
    return (
        step.checksum.raw,
        step.checksum.token,
        step.body.text if step.body is not None else "",
        recorded_text(step.down),
        step.verify.text if step.verify is not None else None,
        step.irreversible,
        step.source_format,
        list(step.dependencies),
    )


def record_of(stamp: Stamp, ordinal: int, step: Step, duration_ms: int | None) -> tuple[Any, ...]:
    """The statement that writes the ledger row and its event, and its arguments.

    It gives no row when the transaction is no longer the one that noted the step. Without `duration_ms` it is
    the time since the message came that the statement is part of.
    """
    if step.direction is Direction.DOWN:
        return (
            queries.RECORD_DOWN,
            stamp.scope,
            step.name,
            step.version,
            stamp.job_id,
            stamp.epoch,
            stamp.actor,
            duration_ms,
            step.checksum.raw,
            ordinal,
        )
    return (
        queries.RECORD_UP,
        ledger_id(stamp.target, stamp.scope, step.name),
        stamp.scope,
        step.name,
        step.version,
        stamp.job_id,
        stamp.epoch,
        stamp.actor,
        duration_ms,
        *file_columns(step),
        ordinal,
        step.transactional,
    )


async def write_done(row: Row, stamp: Stamp, ordinal: int, step: Step, duration_ms: int) -> bool:
    """False when the transaction is no longer the one that noted the step.

    `row` sends a statement and gives its first row: prepared or not, as the session can.
    """
    return await row(*record_of(stamp, ordinal, step, duration_ms)) is not None


async def write_failed(connection: asyncpg.Connection, stamp: Stamp, step: Step, failure: Failure) -> None:
    if step.direction is Direction.DOWN:
        await connection.execute(
            queries.RECORD_FAILED_DOWN,
            stamp.scope,
            step.name,
            step.version,
            stamp.job_id,
            stamp.epoch,
            stamp.actor,
            step.checksum.raw,
            to_json(FAILURE, failure),
            failure.summary(),
        )
        return
    await connection.execute(
        queries.RECORD_FAILED_UP,
        ledger_id(stamp.target, stamp.scope, step.name),
        stamp.scope,
        step.name,
        step.version,
        stamp.job_id,
        stamp.epoch,
        stamp.actor,
        *file_columns(step),
        to_json(FAILURE, failure),
        failure.summary(),
    )


def _entry(row: asyncpg.Record) -> LedgerEntry:
    return LedgerEntry(
        id=row["id"],
        name=row["name"],
        version=row["version"],
        status=Status(row["status"]),
        position=row["position"],
        checksum=row["checksum"],
        token_checksum=row["token_checksum"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        applied_at=row["applied_at"],
        rolled_back_at=row["rolled_back_at"],
        error_message=row["error_message"],
        dependencies=tuple(row["dependencies"]),
        down=row["down"],
        irreversible=row["irreversible"],
        source_format=row["source_format"],
        job_id=row["job_id"],
    )


@cache
def _sql_of(file: str) -> str:
    return (Path(__file__).parent / file).read_text(encoding="utf-8")
