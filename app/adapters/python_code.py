"""Python migrations: how their files become code, and the connection that their code is given."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import asyncpg

from app.adapters.postgres import quote
from app.domain.migration import Action, PythonScript
from app.domain.statements import Statement, StatementKind, parse_script

REFUSED_KINDS = frozenset(StatementKind) - {StatementKind.TRANSACTIONAL}


class StatementRefused(Exception):
    """A statement that may not be sent from inside a migration."""


class MigrationHalted(BaseException):
    """Somebody has asked the job to stop. No `except Exception` of a file catches it."""


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
        self._savepoints = 0
        self._revoked = False
        self.last_statement: str | None = None
        self.refusal: BaseException | None = None

    def revoke(self) -> None:
        """The step is over: whoever has kept this connection can do nothing with it."""
        self._revoked = True

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        async with self._sending(query):
            return str(await self._connection.execute(query, *args, timeout=timeout))

    async def executemany(self, command: str, args: Iterable[Sequence[Any]]) -> None:
        async with self._sending(command):
            await self._connection.executemany(command, args)

    async def fetch(self, query: str, *args: Any, timeout: float | None = None) -> list[asyncpg.Record]:
        async with self._sending(query):
            return list(await self._connection.fetch(query, *args, timeout=timeout))

    async def fetchrow(self, query: str, *args: Any, timeout: float | None = None) -> asyncpg.Record | None:
        async with self._sending(query):
            return await self._connection.fetchrow(query, *args, timeout=timeout)

    async def fetchval(self, query: str, *args: Any, column: int = 0, timeout: float | None = None) -> Any:
        async with self._sending(query):
            return await self._connection.fetchval(query, *args, column=column, timeout=timeout)

    async def copy_records_to_table(
        self,
        table_name: str,
        *,
        records: Iterable[Sequence[Any]],
        columns: Sequence[str] | None = None,
        schema_name: str | None = None,
    ) -> str:
        self._refuse_when_over()
        self.last_statement = f"COPY {table_name} FROM STDIN"
        return str(
            await self._connection.copy_records_to_table(
                table_name, records=records, columns=columns, schema_name=schema_name
            )
        )

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
    async def _sending(self, query: str) -> AsyncIterator[None]:
        """Refuse what may not be sent, keep the step's limits, and remember the statement while it runs."""
        self._refuse_when_over()
        self.last_statement = query
        try:
            statements = _allowed(query)
        except StatementRefused as refusal:
            self.refusal = refusal
            raise
        for statement in statements:
            await self._before(statement)
        yield
        for statement in statements:
            self._after(statement)
        self.last_statement = None

    def _refuse_when_over(self) -> None:
        if self._revoked:
            raise StatementRefused("the migration has returned: its connection can no longer be used")
        if self._halted():
            self.refusal = MigrationHalted("the job was asked to stop")
            raise self.refusal


def load_action(script: PythonScript) -> Action:
    """The `up` or `down` of the file, ready to be awaited with a connection.

    Raises whatever the file raises, and TypeError when the method is not what it should be.
    """
    namespace: dict[str, Any] = {"__name__": "liftlock_migration", "__file__": script.file}
    exec(compile(script.text, script.file, "exec"), namespace)  # noqa: S102 - a file of the configured folder
    action = getattr(_owner(namespace), script.method, None)
    if not inspect.iscoroutinefunction(action) or not _takes_one(action):
        raise TypeError(f"`{script.method}` must be `async def {script.method}(self, connection)`")
    return action


def _takes_one(action: Callable[..., object]) -> bool:
    try:
        inspect.signature(action).bind(None)
    except TypeError:
        return False
    return True


def _owner(namespace: dict[str, Any]) -> Any:
    """The class that bears `up`, made without arguments; or the module itself."""
    if "up" in namespace:
        return _Module(namespace)
    owners = [
        value
        for value in namespace.values()
        if inspect.isclass(value) and value.__module__ == "liftlock_migration" and hasattr(value, "up")
    ]
    if len(owners) != 1:
        raise TypeError(f"the file has {len(owners)} classes with an `up`; it must have one")
    return owners[0]()


class _Module:
    def __init__(self, namespace: dict[str, Any]) -> None:
        self.__dict__.update(namespace)


@lru_cache(maxsize=256)
def _allowed(query: str) -> tuple[Statement, ...]:
    """The statements of the query; raises StatementRefused for what a migration may not send."""
    parsed = parse_script(query)
    for statement in parsed.statements:
        if statement.kind in REFUSED_KINDS:
            raise StatementRefused(
                f"{statement.verb} may not be sent from a migration: "
                f"it runs inside a transaction that commits with its ledger row"
            )
    if parsed.problems:
        raise StatementRefused(parsed.problems[0].message)
    return parsed.statements
