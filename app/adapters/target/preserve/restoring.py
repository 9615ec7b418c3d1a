"""Gives back, in the step that undoes another, what that one would have destroyed.

Before the step runs, each value that the other one had overwritten is held against what it wrote: what somebody has
changed since stays as it is. After it has run, the sets are given back in the reverse order of their keeping, with
the table's own triggers off and its foreign keys away; rows that cannot go back are counted and stay kept.
"""

import json
import uuid
from dataclasses import dataclass, field

import asyncpg

from app.adapters.postgres import quote
from app.adapters.target.preserve.going_back import Going, insert_rows, set_positions, update_rows
from app.adapters.target.preserve.kept_rows import KeptTable, StoredColumn, columns_of, from_json, numbered, quietly
from app.adapters.target.preserve.standing_aside import Aside
from app.adapters.target.records import Stamp
from app.domain.failure import Failure, FailureCode
from app.domain.migration import Direction
from app.domain.preserved import PreservedKind as Kind
from app.domain.signals import StepFailed
from app.domain.step import Step, count_of

WAITING = "SELECT DISTINCT name, direction FROM liftlock.preserved WHERE scope = $1 AND state = 'kept'"
"""What is kept by which steps: each of the others is done without a look."""

_SETS = """
    SELECT id, kind, relation::bigint AS relation, schema_name, relation_name, columns::text AS columns,
           keys::text AS keys, sequences::text AS sequences, rows, checksum
    FROM liftlock.preserved
    WHERE scope = $1 AND name = $2 AND direction = $3 AND state = 'kept'
    ORDER BY kept_at DESC, place DESC
    FOR UPDATE
"""
_SETTLE = """
    UPDATE liftlock.preserved
    SET state = $2, settled_at = clock_timestamp(), settled_by = $3, restored = $4, remarks = $5::text::jsonb
    WHERE id = $1
"""
_FIND = """
    SELECT COALESCE(
        (SELECT c.oid FROM pg_class c WHERE c.oid = $1::bigint::oid AND $4),
        (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $2 AND c.relname = $3 AND c.relkind IN ('r', 'p', 'S')))::bigint
"""

Waiting = frozenset[tuple[str, str]]
"""Name and direction of the steps whose kept rows wait to be given back."""


@dataclass(frozen=True, slots=True)
class KeptSet:
    id: uuid.UUID
    kind: Kind
    relation: int
    schema: str
    name: str
    columns: tuple[StoredColumn, ...]
    keys: tuple[StoredColumn, ...]
    sequences: tuple[dict[str, object], ...]
    rows: int
    checksum: str

    @property
    def table(self) -> KeptTable:
        return KeptTable(self.id, self.columns, self.keys)

    @property
    def said(self) -> str:
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"


@dataclass(slots=True)
class _Result:
    """`restored` None: the whole set stays kept, and may be given back another time."""

    restored: int | None
    remarks: list[str] = field(default_factory=list)


class Restorer:
    def __init__(self, connection: asyncpg.Connection, stamp: Stamp, ordinal: int, step: Step) -> None:
        self._connection = connection
        self._stamp = stamp
        self._ordinal = ordinal
        self._step = step
        self._sets: tuple[KeptSet, ...] = ()

    async def look(self) -> None:
        """Before the step runs: which sets are to be given back, and which of their values still stand."""
        undone = Direction.UP if self._step.direction is Direction.DOWN else Direction.DOWN
        rows = await self._connection.fetch(_SETS, self._stamp.scope, self._step.name, undone.value)
        self._sets = tuple(_set(row) for row in rows)
        async with quietly(self._connection):
            for one in self._sets:
                if one.kind in (Kind.TYPES, Kind.UPDATED):
                    await self._mark_unchanged(one)

    async def give_back(self) -> tuple[str, ...]:
        """After it has run; what was given back, in words. Raises StepFailed when it is not what was kept."""
        said: list[str] = []
        async with quietly(self._connection):
            aside = Aside(self._connection)
            results: list[tuple[KeptSet, int | None, _Result]] = []
            for one in self._sets:
                where = await self._place_of(one)
                results.append((one, where, await self._one(one, where, aside)))
            taken_back = await aside.end()
            for one, where, result in results:
                gone = taken_back.pop(where, 0) if where is not None else 0
                if gone and result.restored is not None:
                    result.restored -= gone
                    result.remarks.append(f"{count_of(gone, 'row')} whose foreign key leads nowhere now")
                said.append(await self._settle(one, result))
        return tuple(said)

    async def _mark_unchanged(self, one: KeptSet) -> None:
        where = await self._place_of(one)
        if where is None:
            return
        now = {column.name: column for column in await columns_of(self._connection, where)}
        if any(column.name not in now for column in (*one.keys, *one.columns)):
            return
        keys = KeptTable(one.id, (), tuple(now[key.name] for key in one.keys))
        latest, table = "latest", one.table
        names = ", ".join(numbered("k", one.keys))
        same = ", ".join(
            f"(t.{quote(column.name)})::text IS NOT DISTINCT FROM {latest}.n{at}"
            for at, column in enumerate(one.columns, 1)
        )
        places = [f"s{at}" for at, _ in enumerate(one.columns, 1)]
        await self._connection.execute(
            f"ALTER TABLE {table.name} " + ", ".join(f"ADD COLUMN IF NOT EXISTS {place} boolean" for place in places)
        )
        await self._connection.execute(
            f"UPDATE {table.name} AS kept SET ({', '.join(places)}) = ROW({same}), liftlock_same = true "
            f"FROM {await self._said(where)} AS t, "
            f"(SELECT DISTINCT ON ({names}) * FROM {table.name} ORDER BY {names}, liftlock_at DESC) AS latest "
            f"WHERE {keys.matched('t')} AND {keys.matched('t', 'latest')}"
        )

    async def _one(self, one: KeptSet, where: int | None, aside: Aside) -> _Result:
        if where is None:
            return _Result(None, [f"{one.said} is not there"])
        name = await self._said(where)
        if one.kind is Kind.SEQUENCE:
            position = one.sequences[0]
            await self._connection.fetchval(
                "SELECT setval($1::text::regclass, $2, $3)", name, position["value"], position["called"]
            )
            return _Result(0)
        now = {column.name: column for column in await columns_of(self._connection, where)}
        going = Going(self._connection, one.table, name, now, one.checksum, one.rows)
        await aside.of(where, name, inserts=one.kind in (Kind.TABLE, Kind.DELETED))
        if one.kind in (Kind.TABLE, Kind.DELETED):
            restored, remarks = await insert_rows(going, fresh=one.kind is Kind.TABLE)
        else:
            restored, remarks = await update_rows(going, judged=one.kind in (Kind.TYPES, Kind.UPDATED))
        await set_positions(self._connection, name, one.sequences)
        return _Result(restored, remarks)

    async def _settle(self, one: KeptSet, result: _Result) -> str:
        if result.restored is None:
            return f"what is kept of {one.said} stays kept: {'; '.join(result.remarks)}"
        whole = result.restored == one.rows and not result.remarks
        state = "restored" if whole else "partly_restored"
        await self._connection.execute(
            _SETTLE, one.id, state, self._stamp.job_id, result.restored, json.dumps(result.remarks)
        )
        if whole and one.kind is not Kind.SEQUENCE:
            await self._connection.execute(f"DROP TABLE {one.table.name}")
        rest = "".join(f"; {remark}" for remark in result.remarks)
        if one.kind is Kind.SEQUENCE:
            return f"set the sequence {one.said} to where it was"
        return f"gave back {count_of(result.restored, 'row')} of {count_of(one.rows, 'row')} of {one.said}{rest}"

    async def _place_of(self, one: KeptSet) -> int | None:
        """The table that is meant: the same one where it has stood all along, else one of its name."""
        found: int | None = await self._connection.fetchval(
            _FIND, one.relation, one.schema, one.name, one.kind not in (Kind.TABLE, Kind.SEQUENCE)
        )
        return found

    async def _said(self, where: int) -> str:
        name: str = await self._connection.fetchval("SELECT $1::bigint::oid::regclass::text", where)
        return name


def mismatch(step: Step, ordinal: int, what: str) -> StepFailed:
    failure = Failure(
        code=FailureCode.VERIFY_FAILED,
        message=f"{step.name}: what was given back is not what was kept: {what}",
        migration=step.name,
        direction=step.direction.value,
        next_steps=("look at liftlock.preserved: the rows are still kept",),
    )
    return StepFailed(failure, ordinal)


def _set(row: asyncpg.Record) -> KeptSet:
    return KeptSet(
        row["id"],
        Kind(row["kind"]),
        row["relation"],
        row["schema_name"],
        row["relation_name"],
        from_json(row["columns"]),
        from_json(row["keys"]),
        tuple(json.loads(row["sequences"])),
        row["rows"],
        row["checksum"],
    )
