"""What the ledger says and what is written into it; always inside somebody else's transaction."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from app.adapters.codec import FAILURE, to_json
from app.adapters.target import queries
from app.domain.environment import Environment, Protection, stricter
from app.domain.failure import Failure
from app.domain.ledger import History, LedgerEntry, Status, ledger_id
from app.domain.migration import Body, Direction
from app.domain.step import Step
from app.ports import TargetView

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
    rows = await connection.fetch(queries.VIEW, scope)
    history = History.of(_entry(row) for row in rows if row["id"] is not None)
    if rows[0]["environment"] is None:
        return TargetView(history)
    return TargetView(history, rows[0]["environment"], Protection(rows[0]["protection"]))


async def has_ledger(connection: Reading) -> bool:
    return bool(await connection.fetchval(queries.HAS_LEDGER))


async def remember_settings(connection: asyncpg.Connection, environment: Environment, view: TargetView) -> None:
    """A target's protection is raised by the configuration, never lowered."""
    protection = stricter(environment.protection, view.protection or environment.protection)
    await connection.execute(queries.REMEMBER_SETTINGS, environment.scope, environment.name, protection.value)


async def write_done(connection: asyncpg.Connection, stamp: Stamp, step: Step, xid: str, duration_ms: int) -> bool:
    """The ledger row and its event; False when the transaction is no longer the one of `xid`."""
    if step.direction is Direction.DOWN:
        status = await connection.execute(
            queries.RECORD_DOWN,
            stamp.scope,
            step.name,
            step.version,
            stamp.job_id,
            stamp.epoch,
            stamp.actor,
            duration_ms,
            step.checksum.raw,
            xid,
        )
        return status == "UPDATE 1"
    status = await connection.execute(
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
        _text(step.body) or "",
        _text(step.down),
        _text(step.verify),
        step.irreversible,
        step.source_format,
        list(step.dependencies),
        xid,
    )
    return status == "INSERT 0 1"


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
        _text(step.body) or "",
        _text(step.down),
        _text(step.verify),
        step.irreversible,
        step.source_format,
        list(step.dependencies),
        to_json(FAILURE, failure),
        failure.summary(),
    )


def _entry(row: asyncpg.Record) -> LedgerEntry:
    return LedgerEntry(
        id=UUID(str(row["id"])),
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
        job_id=UUID(str(row["job_id"])),
    )


def _text(body: Body | None) -> str | None:
    """NUL cannot stand in a text column, nor in a statement: the lexer has refused it before."""
    return None if body is None else body.text


@cache
def _ledger_sql() -> str:
    return (Path(__file__).parent / "ledger.sql").read_text(encoding="utf-8")
