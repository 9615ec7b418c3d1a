"""What is written into the ledger of a migration that is not run; always inside somebody else's transaction."""

from app.adapters.target import mark_queries, queries
from app.adapters.target.records import Row, Stamp, file_columns
from app.domain.ledger import ledger_id
from app.domain.migration import Direction
from app.domain.step import Deed, Step

NOT_RUN = {Deed.MARKED: "marked", Deed.BASELINED: "baseline"}
"""What the event and the provenance of a row say."""


async def write_record(row: Row, stamp: Stamp, ordinal: int, step: Step, note: str | None) -> bool:
    """As `records.write_done`, for a step whose body is not carried out; `note` is the reason that was given.

    A mark settles what became of statements that were left half way: people have said how it is.
    """
    if step.deed is Deed.ACCEPTED:
        return await _accept(row, stamp, ordinal, step, note)
    await row(queries.FORGET_STATEMENTS, stamp.scope, step.name)
    if step.direction is Direction.DOWN:
        return await _mark_down(row, stamp, ordinal, step, note)
    return await _mark_up(row, stamp, ordinal, step, note)


async def _mark_up(row: Row, stamp: Stamp, ordinal: int, step: Step, note: str | None) -> bool:
    written = await row(
        mark_queries.MARK_UP,
        ledger_id(stamp.target, stamp.scope, step.name),
        stamp.scope,
        step.name,
        step.version,
        stamp.job_id,
        stamp.epoch,
        stamp.actor,
        *file_columns(step),
        NOT_RUN[step.deed],
        ordinal,
        note,
        step.body_transactional,
    )
    return written is not None


async def _mark_down(row: Row, stamp: Stamp, ordinal: int, step: Step, note: str | None) -> bool:
    written = await row(
        mark_queries.MARK_DOWN,
        stamp.scope,
        step.name,
        step.version,
        stamp.job_id,
        stamp.epoch,
        stamp.actor,
        step.checksum.raw,
        ordinal,
        note,
    )
    return written is not None


async def _accept(row: Row, stamp: Stamp, ordinal: int, step: Step, note: str | None) -> bool:
    written = await row(
        mark_queries.ACCEPT_FILE,
        stamp.scope,
        step.name,
        step.version,
        stamp.job_id,
        stamp.epoch,
        stamp.actor,
        *file_columns(step),
        step.replaces,
        ordinal,
        note,
        step.body_transactional,
    )
    return written is not None
