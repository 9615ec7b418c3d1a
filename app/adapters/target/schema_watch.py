"""Looks at the schema for one attempt: before its first step, around each step, and when its job ends."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg

from app.adapters.target.after_step import (
    HAS_CHECKABLE,
    judged_functions,
    may_break_functions,
    may_leave_behind,
    may_make_functions,
    refuse_broken,
    refuse_leftovers,
    unvalidated,
)
from app.adapters.target.fenced import FencedConnection
from app.adapters.target.incremental import SchemaReader
from app.adapters.target.schema_state import keep_schema, read_if_possible, read_recorded
from app.domain.drift import Kept, Sight
from app.domain.environment import Environment, SchemaCheck
from app.domain.job import Attempt
from app.domain.step import Deed, Step
from app.ports import TargetView

NOTE_FINGERPRINT = "UPDATE liftlock.migrations SET schema_fingerprint = $3 WHERE scope = $1 AND name = $2"


class SchemaWatch:
    """The looks are at the connection of `fenced`, on which what they ask stays prepared."""

    def __init__(self, environment: Environment, attempt: Attempt, fenced: FencedConnection) -> None:
        self._fenced = fenced
        self._check = environment.schema_check
        self._scope = environment.scope
        self._job_id = attempt.job_id
        bindings = (attempt.request.plan, attempt.request.approved)
        self._bound = any(one is not None and one.expected_fingerprint is not None for one in bindings)
        self._reader: tuple[asyncpg.Connection, SchemaReader] | None = None
        self._no_functions = False

    async def seen_with(self, connection: asyncpg.Connection, view: TargetView) -> TargetView:
        """The view, and the schema, where there is something to hold it against: a record, a plan, an approval."""
        recorded = None if self._check is SchemaCheck.OFF else await read_recorded(connection, self._scope)
        if recorded is None and not self._bound:
            return view
        live = await read_if_possible(self._reader_on(connection), self._job_id)
        return replace(view, unread=True) if live is None else replace(view, sight=Sight(live, recorded))

    @asynccontextmanager
    async def around(self, connection: asyncpg.Connection, ordinal: int, step: Step) -> AsyncIterator[None]:
        """Raises StepFailed for what a step must not leave, when it is done and recorded, and not committed yet."""
        if self._check is SchemaCheck.OFF or step.deed is not Deed.EXECUTED:
            yield
            return
        functions = await self._functions_before(connection, step)
        constraints = await unvalidated(connection) if may_leave_behind(step) else None
        yield
        if constraints is not None:
            await refuse_leftovers(connection, ordinal, step, constraints)
        if functions is not None:
            refuse_broken(ordinal, step, functions, await judged_functions(connection))
        if self._check is SchemaCheck.STEP:
            await self._note(connection, step)

    async def keep(self, connection: asyncpg.Connection) -> Kept | None:
        """None when the job has changed nothing, or nobody is to look, or can."""
        if self._check is SchemaCheck.OFF:
            return None
        return await keep_schema(connection, self._reader_on(connection), self._scope, self._job_id)

    async def _functions_before(self, connection: asyncpg.Connection, step: Step) -> Mapping[str, str | None] | None:
        """None where the step cannot break a function, or there is none."""
        none_yet = self._no_functions
        if may_make_functions(step):
            self._no_functions = False
        if not may_break_functions(step) or none_yet:
            return None
        if not await connection.fetchval(HAS_CHECKABLE):
            self._no_functions = not may_make_functions(step)
            return None
        return await judged_functions(connection)

    async def _note(self, connection: asyncpg.Connection, step: Step) -> None:
        live = await read_if_possible(self._reader_on(connection), self._job_id)
        if live is not None:
            await connection.execute(NOTE_FINGERPRINT, self._scope, step.name, bytes.fromhex(live.fingerprint))

    def _reader_on(self, connection: asyncpg.Connection) -> SchemaReader:
        """Keeps what it has read of this connection: the next time only what has changed is read again."""
        if self._reader is None or self._reader[0] is not connection:
            self._reader = connection, SchemaReader(connection, self._scope, self._fenced.prepared.rows)
        return self._reader[1]
