"""A table that a script drops is moved to where kept rows are, where that can be proven to come to the same.

The script has been run once behind a savepoint, and the catalog it ends with is known. For the run that counts, the
table itself is taken out of the way, and an empty one of its name is there for the script to drop; afterwards what
is left of the moved one (keys, indexes, views and foreign keys upon it) is taken from it. Only when the catalog is
then to the letter the one that the first run ended with has it been the same; else everything is taken back, and the
rows are copied. A script that might read the rows, which are not in the empty table, is never run like this.
"""

from dataclasses import dataclass

import asyncpg
import structlog

from app.adapters.postgres import quote
from app.adapters.target.connection import LOCK_STATES
from app.adapters.target.introspect import read_snapshot
from app.adapters.target.movable import IN_DOUBT
from app.adapters.target.preserve.inventory import Loss, Relation
from app.adapters.target.preserve.kept_rows import SCHEMA, KeptTable, numbered
from app.adapters.target.preserve.sets import qualified
from app.adapters.target.preserve.stripping import strip_before, strip_rest
from app.domain.keeping import LEAST_MOVED_BYTES
from app.domain.losses import Drops, drops_of
from app.domain.preserved import PreservedKind as Kind
from app.domain.signals import StepFailed
from app.domain.step import Step

LEAST_BYTES = LEAST_MOVED_BYTES

_LARGE = """
    WITH named AS MATERIALIZED (
        SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND (n.nspname || '.' || c.relname = ANY ($1::text[]) OR n.nspname = ANY ($2::text[])))
    SELECT oid::bigint AS oid FROM named WHERE pg_table_size(oid) >= $3
"""
"""PostgreSQL holds the size for as cheap to ask as a name, and would look at the files of every table there is."""

_IN_DOUBT = f"SELECT {IN_DOUBT} FROM pg_class c WHERE c.oid = $1::bigint::oid"
log = structlog.get_logger()


class Changed(Exception):
    """It does not come to the same as when the table is dropped."""


@dataclass(frozen=True, slots=True)
class _Moved:
    relation: Relation
    table: KeptTable


class Moves:
    """The tables of one step that are moved; none until a first run has shown what is dropped."""

    def __init__(self, connection: asyncpg.Connection, step: Step) -> None:
        self._connection = connection
        self._drops: Drops | None = drops_of(step)
        self._large: frozenset[int] = frozenset()
        self._wanted: frozenset[int] = frozenset()
        self._goal: str | None = None
        self._moved: list[_Moved] = []

    async def look(self) -> None:
        """Before anything is run: which tables would be worth it."""
        if self._drops is None:
            return
        drops = self._drops
        rows = await self._connection.fetch(_LARGE, list(drops.tables), list(drops.schemas), LEAST_BYTES)
        self._large = frozenset(row["oid"] for row in rows)

    async def consider(self, missing: set[Loss]) -> None:
        """After the first run, before it is taken back: what it comes to."""
        gone = frozenset(loss.relation for loss in missing if loss.kind is Kind.TABLE)
        if self._goal is None and gone & self._large:
            self._goal, self._wanted = await self._catalog(), gone & self._large

    async def take(self, relation: Relation, table: KeptTable) -> bool:
        """Move the table, locked by us, and put an empty one in its place; False where it is to be copied."""
        if relation.oid not in self._wanted or any(column.kept_as_text for column in table.columns):
            return False
        doubt = await self._connection.fetchval(_IN_DOUBT, relation.oid)
        if doubt is not None:
            log.info("preserve.copied", table=relation.said, why=doubt)
            return False
        name = qualified(relation)
        self._moved.append(_Moved(relation, table))
        for statement in await strip_before(self._connection, relation.oid, name):
            await self._connection.execute(statement)
        plain = quote(relation.name)
        await self._connection.execute(
            f"ALTER TABLE {name} SET SCHEMA {SCHEMA}; ALTER TABLE {SCHEMA}.{plain} RENAME TO {table.plain_name}; "
            f"CREATE TABLE {name} ()"
        )
        return True

    async def finish(self) -> None:
        """After the script: the moved table becomes one of kept rows. Raises Changed when the catalog is not as it
        has to be."""
        if not self._moved:
            return
        for one in self._moved:
            async for statement in strip_rest(self._connection, one.relation.oid, one.table.name):
                await self._connection.execute(statement)
            names = zip(one.table.columns, numbered("c", one.table.columns), strict=True)
            for column, name in names:
                await self._connection.execute(f"ALTER TABLE {one.table.name} RENAME {quote(column.name)} TO {name}")
        if await self._catalog() != self._goal:
            raise Changed("the catalog is not the one that dropping it ends with")

    def may_fall_back(self, error: Exception) -> bool:
        """Whether the run has failed because of what was moved, so that copies are the way. Then nothing is moved."""
        if not self._moved or not _is_of_the_move(error):
            return False
        log.info("preserve.copied", tables=[one.relation.said for one in self._moved], why=str(error))
        self._wanted = frozenset()
        return True

    def begin(self) -> None:
        """A run: what an earlier one has moved was taken back with it."""
        self._moved.clear()

    async def _catalog(self) -> str:
        return (await read_snapshot(self._connection)).fingerprint


def _is_of_the_move(error: Exception) -> bool:
    """Whatever it is but locks, limits and connections: if it is the script's own fault, it fails with copies too."""
    match error:
        case StepFailed():
            state = error.failure.sqlstate or ""
        case asyncpg.PostgresError():
            state = error.sqlstate or ""
        case _:
            return isinstance(error, Changed)
    return state not in LOCK_STATES and not state.startswith(("57", "08"))
