"""The connection that a migration in Python is given: asyncpg's, but for what would end the step's transaction."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar, cast

import asyncpg

from app.adapters.postgres import quote
from app.adapters.python_rows import PREFETCH, Rows, close_left
from app.domain.statements import Statement, StatementKind, parse_script

REFUSED_KINDS = frozenset({StatementKind.TRANSACTION_CONTROL, StatementKind.NON_TRANSACTIONAL, StatementKind.COPY_IN})
"""In other words than a file of SQL would be told."""
METHODS = (
    "execute, executemany, fetch, fetchrow, fetchval, cursor, copy_records_to_table, copy_to_table and transaction"
)
ELSEWHERE = "the connection belongs to the event loop that `up` runs in; await it there, not in a thread of your own"
STOPPING_S = 5.0

P = ParamSpec("P")
T = TypeVar("T")


class StatementRefused(Exception):
    """A statement that may not be sent from inside a migration."""


class NotAwaited(Exception):
    """A statement that was asked for and never sent, or whose end was not waited for."""

    def __init__(self, what: str, method: str, filename: str, lineno: int) -> None:
        super().__init__(f"the statement {what}; write `await connection.{method}(…)`")
        self.filename = filename
        self.lineno = lineno


@dataclass(slots=True)
class _Asked:
    """What a file has asked for; `task`: who waits for its answer."""

    method: str
    filename: str
    lineno: int
    task: "asyncio.Task[Any] | None" = None

    def not_awaited(self) -> NotAwaited:
        what = "was never sent" if self.task is None else "was still running at the end of the migration"
        return NotAwaited(what, self.method, self.filename, self.lineno)


class MigrationHalted(BaseException):
    """Somebody has asked the job to stop. No `except Exception` of a file catches it."""


Method = Callable[Concatenate["MigrationConnection", P], Coroutine[Any, Any, T]]


def _awaited(method: Method[P, T]) -> Method[P, T]:
    """Whoever forgets `await` is told so: the step would count as done, and nothing of it would be."""

    @wraps(method)
    def asked_for(self: "MigrationConnection", *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        caller = sys._getframe(1)
        asked = _Asked(method.__name__, caller.f_code.co_filename, caller.f_lineno)
        self._open[id(asked)] = asked
        return sent(asked, self, *args, **kwargs)

    async def sent(asked: _Asked, self: "MigrationConnection", /, *args: P.args, **kwargs: P.kwargs) -> T:
        asked.task = asyncio.current_task()
        try:
            return await method(self, *args, **kwargs)
        finally:
            del self._open[id(asked)]

    sent.__qualname__ = method.__qualname__
    return cast(Method[P, T], asked_for)


class MigrationConnection:
    """An asyncpg-style connection inside the migration's transaction.

    It has the methods that a migration needs; what would end the transaction, or cannot run in one, is
    refused before it is sent. `transaction()` is a savepoint.
    """

    def __init__(
        self,
        connection: asyncpg.Connection,
        before: Callable[[Statement], Awaitable[None]],
        after: Callable[[Statement], None],
        halted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._connection = connection
        self._before = before
        self._after = after
        self._halted = halted
        self._loop = asyncio.get_running_loop()
        self._savepoints = 0
        self._left_open: set[str] = set()
        self._revoked = False
        self._open: dict[int, _Asked] = {}
        self._failed: tuple[BaseException, str] | None = None
        self.refusal: BaseException | None = None

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"the connection of a migration has no `{name}`; it has {METHODS}")

    async def revoke(self) -> None:
        """The step is over: whoever has kept this connection can do nothing with it. What still runs is stopped."""
        self._revoked = True
        running = [asked.task for asked in self._open.values() if asked.task is not None]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=STOPPING_S)

    def assert_all_sent(self) -> None:
        """Raises what the file has caught, and gone on without the statement; and NotAwaited."""
        if self.refusal is not None:
            raise self.refusal
        for asked in self._open.values():
            raise asked.not_awaited()

    def statement_behind(self, error: BaseException | None) -> str | None:
        """The statement that has raised it, or what it was raised from."""
        while error is not None and self._failed is not None:
            if error is self._failed[0]:
                return self._failed[1]
            error = error.__cause__ or error.__context__
        return None

    @_awaited
    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        async with self._sending(query) as statements:
            if not statements:
                # such as what follows the last semicolon; the driver does not know what to make of it
                return ""
            return str(await self._connection.execute(query, *args, timeout=timeout))

    @_awaited
    async def executemany(self, command: str, args: Iterable[Sequence[Any]]) -> None:
        async with self._sending(command):
            await self._connection.executemany(command, args)

    @_awaited
    async def fetch(self, query: str, *args: Any, timeout: float | None = None) -> list[asyncpg.Record]:
        async with self._sending(query):
            return list(await self._connection.fetch(query, *args, timeout=timeout))

    @_awaited
    async def fetchrow(self, query: str, *args: Any, timeout: float | None = None) -> asyncpg.Record | None:
        async with self._sending(query):
            return await self._connection.fetchrow(query, *args, timeout=timeout)

    @_awaited
    async def fetchval(self, query: str, *args: Any, column: int = 0, timeout: float | None = None) -> Any:
        async with self._sending(query):
            return await self._connection.fetchval(query, *args, column=column, timeout=timeout)

    def cursor(self, query: str, *args: Any, prefetch: int = PREFETCH, timeout: float | None = None) -> Rows:
        """For `async for`: `prefetch` rows are in memory at a time."""
        _assert_is_text(query)
        return Rows(self, self._left_open, query, args, prefetch, timeout)

    @_awaited
    async def copy_records_to_table(
        self,
        table_name: str,
        *,
        records: Iterable[Sequence[Any]],
        columns: Sequence[str] | None = None,
        schema_name: str | None = None,
    ) -> str:
        self._refuse_when_over()
        with self._to_blame(f"COPY {table_name} FROM STDIN"):
            return str(
                await self._connection.copy_records_to_table(
                    table_name, records=records, columns=columns, schema_name=schema_name
                )
            )

    @_awaited  # type: ignore[arg-type]
    async def copy_to_table(self, table_name: str, *, source: Any, **options: Any) -> str:
        """From a file, its path, or bytes; `options` are asyncpg's: `format="csv"`, `header=True`, `columns` …"""
        self._refuse_when_over()
        with self._to_blame(f"COPY {table_name} FROM STDIN"):
            return str(await self._connection.copy_to_table(table_name, source=source, **options))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        self._refuse_when_over()
        self._savepoints += 1
        name = quote(f"liftlock_{self._savepoints}")
        await self._connection.execute(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            await self._connection.execute(f"ROLLBACK TO SAVEPOINT {name}")
            raise
        await self._connection.execute(f"RELEASE SAVEPOINT {name}")

    @asynccontextmanager
    async def _sending(self, query: str) -> AsyncIterator[Sequence[Statement]]:
        """Refuse what may not be sent, keep the step's limits, and remember the statement that fails."""
        self._refuse_when_over()
        _assert_is_text(query)
        with self._to_blame(query):
            try:
                statements = _allowed(query)
            except StatementRefused as refusal:
                self.refusal = refusal
                raise
            await close_left(self._connection, self._left_open)
            for statement in statements:
                await self._before(statement)
            yield statements
            for statement in statements:
                self._after(statement)

    @contextmanager
    def _to_blame(self, query: str) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self._failed = error, query
            raise

    def _refuse_when_over(self) -> None:
        if self._revoked:
            raise StatementRefused("the migration has returned: its connection can no longer be used")
        if asyncio.get_running_loop() is not self._loop:
            self.refusal = StatementRefused(ELSEWHERE)
            raise self.refusal
        if self._halted():
            self.refusal = MigrationHalted("the job was asked to stop")
            raise self.refusal


def _assert_is_text(query: object) -> None:
    if not isinstance(query, str):
        kind = type(query).__name__
        raise TypeError(f"SQL has to be a string, not {kind}, with $1, $2 … for the values that are given after it")


@lru_cache(maxsize=256)
def _allowed(query: str) -> tuple[Statement, ...]:
    """The statements of the query; raises StatementRefused for what a migration may not send."""
    parsed = parse_script(query)
    for statement in parsed.statements:
        if statement.kind in REFUSED_KINDS:
            raise StatementRefused(_why_refused(statement))
    if parsed.problems:
        raise StatementRefused(parsed.problems[0].message)
    return parsed.statements


def _why_refused(statement: Statement) -> str:
    match statement.kind:
        case StatementKind.COPY_IN:
            return "COPY … FROM STDIN has no input here; write `await connection.copy_records_to_table(…)`"
        case StatementKind.NON_TRANSACTIONAL:
            return f"{statement.verb} cannot run in a transaction, and a migration in Python is one; use a file in SQL"
    return (
        f"{statement.verb} may not be sent from a migration: "
        f"it runs inside a transaction that commits with its ledger row"
    )
