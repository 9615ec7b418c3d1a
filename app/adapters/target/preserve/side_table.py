"""Puts what is kept into a new table of the target, for whoever asks; what is kept stays as it is.

The table has the rows and nothing else: no keys, no constraints. It belongs to the role that migrates, nobody else
has a right on it, and row security is on, without a policy: rows that policies protected are not shown by it.
"""

import json
from dataclasses import dataclass, replace

import asyncpg

from app import failpoints
from app.adapters.postgres import quote
from app.adapters.target.prepared import literal
from app.adapters.target.preserve.kept_rows import KeptTable, StoredColumn, hide, numbered, quietly
from app.adapters.target.preserve.restoring import mismatch
from app.adapters.target.preserve.sets import STORED, StoredSet, stored_set
from app.adapters.target.records import Stamp
from app.domain.failure import Failure, FailureCode
from app.domain.preserved import Retrieval
from app.domain.signals import StepFailed
from app.domain.step import Step, count_of

_SET = f"{STORED} WHERE scope = $1 AND id = $2 AND state IN ('kept', 'partly_restored') FOR UPDATE"
_TYPE_STANDS = "SELECT to_regtype($1) IS NOT NULL"
_NOTE = "UPDATE liftlock.preserved SET remarks = remarks || $2::text::jsonb WHERE id = $1"
_DONE = """
    UPDATE liftlock.plans SET plan = jsonb_set(plan, '{retrieved}', 'true') WHERE scope = $1 AND job_id = $2
"""
_REFUSALS = ("3F000", "42P07", "42710", "42501")
"""The schema is gone, the name is taken by a table or a type, or the role may not make a table there."""


@dataclass(frozen=True, slots=True)
class _Put:
    """A column of the new table, the expression that gives its value, and its type."""

    name: str
    value: str
    type: str


class SideTable:
    def __init__(
        self, connection: asyncpg.Connection, stamp: Stamp, ordinal: int, step: Step, wanted: Retrieval
    ) -> None:
        self._connection = connection
        self._stamp = stamp
        self._ordinal = ordinal
        self._step = step
        self._wanted = wanted

    async def fill(self) -> str:
        """What was put where, in words. Raises StepFailed when the rows are gone, the name is taken, or what went in
        is not what was kept."""
        async with quietly(self._connection):
            row = await self._connection.fetchrow(_SET, self._stamp.scope, self._wanted.set_id)
            if row is None:
                raise self._refused("its rows are not kept any more: given back or purged meanwhile")
            kept = stored_set(row)
            if await kept.table.counted(self._connection) != (kept.rows, kept.checksum):
                raise mismatch(self._step, self._ordinal, f"{kept.table.name} has been changed since")
            try:
                remarks = await self._make(kept)
            except asyncpg.PostgresError as error:
                if error.sqlstate not in _REFUSALS:
                    raise
                raise self._refused(str(error).splitlines()[0], error.sqlstate) from error
            await self._compare(kept)
            said = f"put {kept.said(kept.rows)} into {self._wanted.said}"
            await self._note(kept, said)
        failpoints.reach("retrieve.filled", self._connection)
        return "; ".join([said, *remarks])

    async def _make(self, kept: StoredSet) -> list[str]:
        """In the types that the rows had, where these still stand and hold the values; else as text."""
        puts = [await self._put(*one) for one in _columns(kept)]
        await self._connection.execute("SAVEPOINT liftlock_side")
        try:
            await self._insert(kept, puts)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.CannotCoerceError):
            await self._connection.execute("ROLLBACK TO SAVEPOINT liftlock_side")
            puts = [replace(put, value=f"kept.{name}", type=one.stored)
                    for put, (name, one) in zip(puts, _columns(kept), strict=True)]  # fmt: skip
            await self._insert(kept, puts)
        await self._connection.execute("RELEASE SAVEPOINT liftlock_side")
        as_text = [put.name for put, (_, one) in zip(puts, _columns(kept), strict=True) if put.type != one.type]
        return [f"{name} as text, since its type is not what it was" for name in as_text]

    async def _put(self, name: str, one: StoredColumn) -> _Put:
        if one.kept_as_text and await self._connection.fetchval(_TYPE_STANDS, one.type):
            return _Put(one.name, f"CAST(kept.{name} AS {one.type})", one.type)
        return _Put(one.name, f"kept.{name}", one.stored)

    async def _insert(self, kept: StoredSet, puts: list[_Put]) -> None:
        columns = ", ".join(f"{quote(put.name)} {put.type}" for put in puts)
        names = ", ".join(quote(put.name) for put in puts)
        values = ", ".join(put.value for put in puts)
        into = f"{self._table} ({names})" if names else self._table
        await self._connection.execute(f"CREATE TABLE {self._table} ({columns})")
        await hide(self._connection, self._table)
        await self._connection.execute(f"INSERT INTO {into} SELECT {values} FROM {kept.table.name} AS kept")

    async def _compare(self, kept: StoredSet) -> None:
        there = f"SELECT count(*)::text, COALESCE(sum({kept.table.hash_in('t')}), 0)::text FROM {self._table} AS t"
        found = await self._connection.fetchrow(there)
        if found is None or tuple(found) != (str(kept.rows), kept.checksum):
            raise mismatch(self._step, self._ordinal, f"{self._wanted.said} has other rows or values")
        keys = KeptTable(kept.id, kept.keys)
        same = await self._connection.fetchval(
            f"SELECT (SELECT sum({keys.hash('k')}) FROM {kept.table.name}) IS NOT DISTINCT FROM "
            f"(SELECT sum({keys.hash_in('t')}) FROM {self._table} AS t)"
        )
        if not same:
            raise mismatch(self._step, self._ordinal, f"{self._wanted.said} has other keys")

    async def _note(self, kept: StoredSet, said: str) -> None:
        comment = (
            f"{count_of(kept.rows, 'row')} of {kept.relation_said} as {self._step.name} "
            f"({self._step.direction}) found them; kept by Liftlock, put here by job {self._stamp.job_id}"
        )
        await self._connection.execute(f"COMMENT ON TABLE {self._table} IS {literal(comment)}")
        await self._connection.execute(_NOTE, kept.id, json.dumps([f"{said} by job {self._stamp.job_id}"]))
        await self._connection.execute(_DONE, self._stamp.scope, self._stamp.job_id)

    @property
    def _table(self) -> str:
        return f"{quote(self._wanted.schema)}.{quote(self._wanted.table)}"

    def _refused(self, why: str, sqlstate: str | None = None) -> StepFailed:
        failure = Failure(
            code=FailureCode.REFUSED,
            message=f"nothing was put into {self._wanted.said}: {why}",
            migration=self._step.name,
            direction=self._step.direction.value,
            sqlstate=sqlstate,
            next_steps=(f"GET /environments/{self._stamp.target}/preserved",),
        )
        return StepFailed(failure, self._ordinal)


def _columns(kept: StoredSet) -> list[tuple[str, StoredColumn]]:
    """By their names in the table of kept rows: the key first, where it is not among the columns anyway."""
    names = {column.name for column in kept.columns}
    keys = zip(numbered("k", kept.keys), kept.keys, strict=True)
    columns = zip(numbered("c", kept.columns), kept.columns, strict=True)
    return [*((name, key) for name, key in keys if key.name not in names), *columns]
