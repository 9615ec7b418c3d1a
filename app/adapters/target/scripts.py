"""Running the text of one step inside its transaction: statement by statement, under our limits."""

import asyncio
from dataclasses import replace

import asyncpg

from app.adapters.postgres import LOST
from app.adapters.python_code import load_action
from app.adapters.python_connection import MigrationConnection, MigrationHalted
from app.adapters.target.connection import LOCK_STATES, limits_sql
from app.adapters.target.failures import python_failure, sql_failure, verify_failure
from app.domain.failure import Failure, FailureCode, with_effects_elsewhere
from app.domain.migration import Body, PythonScript, SqlScript
from app.domain.signals import LockNotAvailable, StepFailed, TransactionEnded
from app.domain.statements import Statement
from app.domain.step import Step
from app.ports import Guide, Limits

_CURRENT = """
    SELECT (SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout') AS lock_ms,
           (SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout') AS statement_ms
"""
_SET = """
    SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true),
           set_config('idle_in_transaction_session_timeout', $3, true)
"""


_RESTORE = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; DISCARD TEMP; CLOSE ALL; UNLISTEN *"
"""As DISCARD ALL, which runs in no transaction; but a pooler may have statements of its own prepared here."""
QUERY_CANCELED = "57014"
PLAIN_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})


class Enforcer:
    """Keeps the limits of a step: a script may lower them, never raise or switch them off."""

    def __init__(self, connection: asyncpg.Connection, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self._set = (limits.lock_timeout_ms, limits.statement_timeout_ms)
        self._chosen = (0, 0)
        self._unsure = False

    async def before(self, statement: Statement) -> None:
        """The limits for a definition differ from those for a data statement."""
        if self._unsure:
            await self._look()
        wanted = self._wanted(statement)
        if self._unsure or wanted != self._set:
            await self._connection.fetchrow(_SET, str(wanted[0]), str(wanted[1]), str(self._limits.idle_timeout_ms))
        self._set, self._unsure = wanted, False

    def after(self, statement: Statement) -> None:
        self._unsure = self._unsure or may_change_limits(statement)

    async def _look(self) -> None:
        """What the script has chosen for itself: anything that differs from what we had set."""
        now = await self._connection.fetchrow(_CURRENT)
        assert now is not None
        found = (now["lock_ms"], now["statement_ms"])
        self._chosen = tuple(  # type: ignore[assignment]
            value if value != ours else before
            for value, ours, before in zip(found, self._set, self._chosen, strict=True)
        )

    def _wanted(self, statement: Statement) -> tuple[int, int]:
        limits = self._limits
        lock = limits.lock_timeout_ms if statement.is_definition else limits.data_lock_timeout_ms
        return _lower(self._chosen[0], lock), _lower(self._chosen[1], limits.statement_timeout_ms)


def may_change_limits(statement: Statement) -> bool:
    """Plain writes do not set anything, unless they say `set_config`; asking after each would double their cost."""
    plain = statement.verb in PLAIN_WRITES and "set_config" not in statement.text.lower()
    return statement.leaves_session_state and not plain


async def run_body(connection: asyncpg.Connection, ordinal: int, step: Step, limits: Limits, guide: Guide) -> None:
    """Raises StepFailed, LockNotAvailable, TransactionEnded, or what LOST lists."""
    match step.body:
        case SqlScript() as script:
            await _run_sql(connection, ordinal, step, script, limits)
        case PythonScript() as script:
            await _run_python(connection, ordinal, step, script, limits, guide)
        case None:
            return


async def run_verify(connection: asyncpg.Connection, ordinal: int, step: Step) -> None:
    """Every row of every statement must be true in its first column; no row at all is a failure too."""
    if step.verify is None:
        return
    for statement in step.verify.parsed.statements:
        try:
            rows = await connection.fetch(statement.text)
        except LOST:
            raise
        except asyncpg.PostgresError as error:
            failure = sql_failure(error, step, step.verify, statement)
            raise StepFailed(_as_verify(failure), ordinal) from error
        answers = [row[0] if len(row) else None for row in rows]
        if not answers or not all(answer is True for answer in answers):
            wrong = next((answer for answer in answers if answer is not True), "no row")
            raise StepFailed(verify_failure(step, step.verify, statement, wrong), ordinal)
        _assert_ours(connection, ordinal, step)


async def restore_session(connection: asyncpg.Connection, step: Step, limits: Limits) -> None:
    """Take back what a script has set before the ledger row is written: its role may not write there."""
    if not leaves_session_state(step.body) and step.verify is None:
        return
    again = limits_sql(connection, limits.lock_timeout_ms, limits.statement_timeout_ms, limits.idle_timeout_ms)
    await connection.execute(f"{_RESTORE}; {unlocking(step)}{again}")


def unlocking(step: Step) -> str:
    """Of a script that takes locks for its session, which outlive a rollback too: behind a pooler others have it next.

    Of no other: there it might be somebody else's lock.
    """
    takes_locks = step.body is not None and "advisory" in step.body.text.lower()
    return "SELECT pg_catalog.pg_advisory_unlock_all(); " if takes_locks else ""


def leaves_session_state(body: Body | None) -> bool:
    match body:
        case SqlScript():
            return any(statement.leaves_session_state for statement in body.parsed.statements)
        case PythonScript():
            return True
        case None:
            return False


def raise_failure(failure: Failure, ordinal: int, cause: BaseException) -> None:
    if failure.sqlstate in LOCK_STATES:
        raise LockNotAvailable(failure) from cause
    raise StepFailed(failure, ordinal) from cause


async def _run_sql(connection: asyncpg.Connection, ordinal: int, step: Step, script: SqlScript, limits: Limits) -> None:
    enforcer = Enforcer(connection, limits)
    for statement in script.parsed.statements:
        try:
            await enforcer.before(statement)
            await connection.execute(statement.text)
        except LOST:
            raise
        except asyncpg.PostgresError as error:
            raise_failure(sql_failure(error, step, script, statement), ordinal, error)
        _assert_ours(connection, ordinal, step)
        enforcer.after(statement)


async def _run_python(
    connection: asyncpg.Connection, ordinal: int, step: Step, script: PythonScript, limits: Limits, guide: Guide
) -> None:
    """Whatever the file raises is its failure, KeyboardInterrupt and its own CancelledError among it."""
    enforcer = Enforcer(connection, limits)
    given = MigrationConnection(connection, enforcer.before, enforcer.after, guide.is_halted)
    try:
        await load_action(script)(given)
        given.assert_all_sent()
    except MigrationHalted as error:
        raise StepFailed(Failure(FailureCode.SQL_ERROR, str(error), sqlstate=QUERY_CANCELED), ordinal) from error
    except BaseException as error:
        if _is_ours(error, connection):
            raise
        failure = python_failure(error, step, script, given.statement_behind(error))
        if not script.repeatable:
            # a lock that was not free is no reason to run it again: whether to, somebody else decides
            raise StepFailed(with_effects_elsewhere(failure), ordinal) from error
        raise_failure(failure, ordinal, error)
    finally:
        await given.revoke()
    _assert_ours(connection, ordinal, step)


def _is_ours(error: BaseException, connection: asyncpg.Connection) -> bool:
    """A lost connection, or a cancellation of the job: nothing that the file has done."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, LOST) and connection.is_closed()


def _assert_ours(connection: asyncpg.Connection, ordinal: int, step: Step) -> None:
    if not connection.is_in_transaction():
        raise TransactionEnded(transaction_ended(step), ordinal)


def transaction_ended(step: Step) -> Failure:
    return Failure(
        code=FailureCode.TRANSACTION_ENDED,
        message=f"{step.name} ended the transaction it ran in; look at what it committed before going on",
        migration=step.name,
        direction=step.direction.value,
        file=step.body.file if step.body is not None else None,
        left_behind="what the script had done up to its own COMMIT is in the database, without a ledger row",
        safe_to_retry=False,
        next_steps=("look at the database, take back by hand what the script did, then run again",),
    )


def _as_verify(failure: Failure) -> Failure:
    return replace(failure, code=FailureCode.VERIFY_FAILED, message=f"the verify block failed: {failure.message}")


def _lower(chosen_ms: int, limit_ms: int) -> int:
    """0 means no limit, on either side."""
    if chosen_ms == 0 or limit_ms == 0:
        return limit_ms or chosen_ms
    return min(chosen_ms, limit_ms)
