"""What the ledger says and what is written into it; always inside somebody else's transaction."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from app.adapters.codec import FAILURE, PINNED, from_json, to_json
from app.adapters.target import queries
from app.domain.environment import Environment, Protection, stricter
from app.domain.failure import Failure
from app.domain.ledger import History, LedgerEntry, Status, ledger_id
from app.domain.migration import Body, Direction
from app.domain.pinned import Pinned
from app.domain.step import Step
from app.ports import TargetView

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
    """Create the ledger if it is not there; the lock is taken only when something is missing."""
    if await connection.fetchval(queries.HAS_LEDGER):
        return
    await connection.execute(queries.BOOTSTRAP_LOCK)
    if not await connection.fetchval(queries.HAS_LEDGER):
        await connection.execute(_ledger_sql())


async def read_view(connection: Reading, scope: str) -> TargetView:
    """The ledger must be there: see `has_ledger`."""
    view, _ = await read_view_and_plan(connection, scope, None)
    return view


async def read_view_and_plan(connection: Reading, scope: str, job_id: UUID | None) -> tuple[TargetView, Pinned | None]:
    """What the ledger says, and the plan that is pinned for the job, if one is."""
    rows = await connection.fetch(queries.VIEW_AND_PLAN, scope, job_id)
    history = History.of(_entry(row) for row in rows if row["id"] is not None)
    plan = None if rows[0]["plan"] is None else from_json(PINNED, rows[0]["plan"])
    if rows[0]["environment"] is None:
        return TargetView(history), plan
    return TargetView(history, rows[0]["environment"], Protection(rows[0]["protection"])), plan


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


async def write_done(row: Row, stamp: Stamp, ordinal: int, step: Step, duration_ms: int) -> bool:
    """The ledger row and its event; False when the transaction is no longer the one that noted the step.

    `row` sends a statement and gives its first row: prepared or not, as the session can.
    """
    if step.direction is Direction.DOWN:
        written = await row(
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
        return written is not None
    written = await row(
        queries.RECORD_UP,
        ledger_id(stamp.target, stamp.scope, step.name),
        stamp.scope,
        step.name,
        step.version,
        stamp.job_id,
        stamp.epoch,
        stamp.actor,
        duration_ms,
        step.checksum.raw,
        step.checksum.token,
        text_of(step.body) or "",
        text_of(step.down),
        text_of(step.verify),
        step.irreversible,
        step.source_format,
        list(step.dependencies),
        ordinal,
    )
    return written is not None


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
        step.checksum.raw,
        step.checksum.token,
        text_of(step.body) or "",
        text_of(step.down),
        text_of(step.verify),
        step.irreversible,
        step.source_format,
        list(step.dependencies),
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


def text_of(body: Body | None) -> str | None:
    """NUL cannot stand in a text column, nor in a statement: the lexer has refused it before."""
    return None if body is None else body.text


@cache
def _ledger_sql() -> str:
    return (Path(__file__).parent / "ledger.sql").read_text(encoding="utf-8")
