"""Gives back, in the step that undoes another, what that one would have destroyed.

Before the step runs, each value that the other one had overwritten is held against what it wrote: what somebody has
changed since stays as it is. After it has run, the sets are given back in the reverse order of their keeping, with
the table's own triggers off and its foreign keys away; rows that cannot go back are counted and stay kept.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from app import failpoints
from app.adapters.postgres import quote
from app.adapters.target.preserve.deferred import immediately
from app.adapters.target.preserve.going_back import Going, NotTheSame, insert_rows, update_rows
from app.adapters.target.preserve.kept_rows import (
    StoredColumn,
    columns_of,
    is_at_origin,
    numbered,
    quietly,
    rows_at,
    unforced,
)
from app.adapters.target.preserve.living_on import Living, cannot_tell, give_to_living, living
from app.adapters.target.preserve.making_room import make_room
from app.adapters.target.preserve.newcomers import Newcomers
from app.adapters.target.preserve.positions import Position, is_the_same, position_of, set_back, was_set
from app.adapters.target.preserve.refusals import said_of_error
from app.adapters.target.preserve.restoring_queries import FIND, MAY_BE_IN_THE_WAY, PURGED, SETS, SETTLE
from app.adapters.target.preserve.sequences import set_position, set_positions
from app.adapters.target.preserve.sets import StoredSet, stored_set
from app.adapters.target.preserve.standing_aside import Aside
from app.adapters.target.records import Stamp
from app.domain.failure import Failure, FailureCode
from app.domain.migration import Direction
from app.domain.preserved import PreservedKind as Kind
from app.domain.preserved import PreservedState
from app.domain.signals import StepFailed
from app.domain.step import Step, count_of

_WHOLE = frozenset({Kind.TABLE, Kind.DELETED})
"""Kept as whole rows; the others are values of rows that may still be there."""

_JUDGED = frozenset({Kind.TYPES, Kind.UPDATED})
"""Of these it is known what the step wrote in their place."""

Waiting = frozenset[tuple[str, str]]
"""Name and direction of the steps whose kept rows wait to be given back."""


@dataclass(slots=True)
class _Result:
    """`restored` None: the whole set stays kept, and may be given back another time. Both count rows of `of`. `notes`
    are said as `remarks` are, and nothing is amiss."""

    restored: int | None
    of: int
    remarks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Restorer:
    def __init__(self, connection: asyncpg.Connection, stamp: Stamp, ordinal: int, step: Step) -> None:
        self._connection = connection
        self._stamp = stamp
        self._ordinal = ordinal
        self._step = step
        self._sets: tuple[StoredSet, ...] = ()
        self._purged: list[StoredSet] = []
        self._stood: dict[uuid.UUID, int | None] = {}
        self._living: dict[uuid.UUID, Living | None] = {}
        self._positions: dict[uuid.UUID, Position] = {}
        self._newcomers = Newcomers(connection)

    async def look(self) -> None:
        """Before the step runs: which sets are to be given back, and which of their values still stand."""
        undone = Direction.UP if self._step.direction is Direction.DOWN else Direction.DOWN
        rows = await self._connection.fetch(SETS, self._stamp.scope, self._step.name, undone.value)
        self._sets = tuple(stored_set(row) for row in rows)
        gone = await self._connection.fetch(PURGED, self._stamp.scope, self._step.name, undone.value)
        self._purged = [stored_set(row) for row in gone]
        async with quietly(self._connection):
            for one in self._sets:
                where = self._stood[one.id] = await self._place_of(one)
                if one.kind in _WHOLE and where is not None:
                    await self._newcomers.look(where)
                if one.kind is Kind.TABLE:
                    self._living[one.id] = await living(self._connection, one, where)
                if was_set(one) and where is not None:
                    self._positions[one.id] = await position_of(self._connection, await self._said(where))
                if one.kind in _JUDGED and where is not None:
                    # what is judged now must stand until it is given back: a write in between would be lost
                    await self._connection.execute(f"LOCK TABLE {await self._said(where)} IN SHARE ROW EXCLUSIVE MODE")
                    async with unforced(self._connection, where):
                        await self._mark_unchanged(one, where)

    async def give_back(self) -> tuple[str, ...]:
        """After it has run; what was given back, in words. Raises StepFailed when it is not what was kept."""
        said = [f"purged before, for the time was over: {one.said(one.rows)}" for one in self._purged]
        failpoints.reach("restore.before", self._connection)
        async with quietly(self._connection), immediately(self._connection):
            aside = Aside(self._connection)
            results: list[tuple[StoredSet, int | None, _Result]] = []
            places = [(one, await self._place_of(one)) for one in self._sets]
            ranks = await self._newcomers.see(where for _, where in places if where is not None)
            # whole rows first: values may go back into some of them
            places.sort(key=lambda at: (at[0].kind not in _WHOLE, at[0].kind is Kind.UPDATED, ranks.get(at[1] or 0, 0)))
            await self._make_way(places, aside)
            for one, where in places:
                results.append((one, where, await self._one(one, where, aside)))
            failpoints.reach("restore.back", self._connection)
            taken_back = await aside.end()
            for one, where, result in results:
                gone = taken_back.pop(where, 0) if where is not None else 0
                if gone and result.restored is not None:
                    result.restored -= gone
                    result.remarks.append(f"{count_of(gone, 'row')} whose foreign key leads nowhere now")
                said.append(await self._settle(one, result))
        failpoints.reach("restore.after", self._connection)
        return tuple(said)

    async def _mark_unchanged(self, one: StoredSet, where: int) -> None:
        """Of rows that are there and not marked yet: which of their values are still what the step wrote."""
        table, now = one.table, await self._now(one, where)
        places = [f"s{at}" for at, _ in enumerate(one.columns, 1)]
        await self._connection.execute(
            f"ALTER TABLE {table.name} " + ", ".join(f"ADD COLUMN IF NOT EXISTS {place} boolean" for place in places)
        )
        if any(key.name not in now for key in one.keys):
            return
        keys = [now[key.name] for key in one.keys]
        names = ", ".join(numbered("k", one.keys))
        same = ", ".join(
            f"(t.{quote(now[column.name].name)})::text IS NOT DISTINCT FROM latest.n{at}"
            if column.name in now
            else "NULL::boolean"
            for at, column in enumerate(one.columns, 1)
        )
        await self._connection.execute(
            f"UPDATE {table.name} AS kept SET ({', '.join(places)}) = ROW({same}), liftlock_same = true "
            f"FROM {await rows_at(self._connection, where)} AS t, "
            f"(SELECT DISTINCT ON ({names}) * FROM {table.name} ORDER BY {names}, liftlock_at DESC) AS latest "
            f"WHERE {table.matched('t', keys)} AND {table.matched('t', keys, 'latest')} AND kept.liftlock_same IS NULL"
        )

    async def _now(self, one: StoredSet, where: int) -> dict[str, StoredColumn]:
        """By the name that a column was kept under: the same one where it is still there, else one of its name."""
        columns = await columns_of(self._connection, where)
        named = {column.name: column for column in columns}
        if where == one.relation:
            numbers = {column.number: column for column in columns}
            named |= {kept.name: numbers[kept.number] for kept in (*one.keys, *one.columns) if kept.number in numbers}
        return named

    async def _one(self, one: StoredSet, where: int | None, aside: Aside) -> _Result:
        if where is None:
            return _Result(None, one.rows, ["it is not there"])
        name = await self._said(where)
        if was_set(one):
            why_not = await set_back(self._connection, name, one, self._positions.get(one.id))
            return _Result(0, 0) if why_not is None else _Result(None, 0, [why_not])
        if one.kind is Kind.SEQUENCE:
            await set_position(self._connection, name, one.sequences[0])
            return _Result(0, 0)
        await self._refuse_changed(one)
        await aside.of(where, name, inserts=one.kind in _WHOLE)
        going = await self._going(one, where, name)
        seen = aside.seen.copy()
        await self._connection.execute("SAVEPOINT liftlock_set")
        try:
            result = await self._put_back(one, where, going, aside)
        except asyncpg.PostgresError as error:
            if not _is_of_the_values(error):
                raise
            await self._connection.execute("ROLLBACK TO SAVEPOINT liftlock_set")
            aside.seen = seen
            result = _Result(None, one.rows, [said_of_error(error)])
        await self._connection.execute("RELEASE SAVEPOINT liftlock_set")
        return result

    async def _refuse_changed(self, one: StoredSet) -> None:
        """Raises NotTheSame when what is kept is not what was kept."""
        count, checksum = await one.table.counted(self._connection)
        if (count, checksum) != (one.rows, one.checksum):
            raise NotTheSame(f"liftlock_preserved.{one.table.plain_name} has been changed since")

    async def _make_way(self, places: Sequence[tuple[StoredSet, int | None]], aside: Aside) -> None:
        """What a row was overwritten with may be in the way of another one that was deleted, as in a unique index."""
        whole = {where for one, where in places if one.kind in _WHOLE}
        for one, where in places:
            if one.kind is not Kind.UPDATED or where is None or where not in whole:
                continue
            # what is written here is the transaction's own too, and would be taken for the script's
            if self._newcomers.came_to(where) or not await self._may_be_in_the_way(one, where):
                continue
            name = await self._said(where)
            await self._refuse_changed(one)
            await aside.of(where, name, inserts=True)
            await self._connection.execute("SAVEPOINT liftlock_way")
            try:
                await update_rows(await self._going(one, where, name), judged=True)
            except asyncpg.PostgresError as error:
                if not _is_of_the_values(error):
                    raise
                await self._connection.execute("ROLLBACK TO SAVEPOINT liftlock_way")
            await self._connection.execute("RELEASE SAVEPOINT liftlock_way")

    async def _may_be_in_the_way(self, one: StoredSet, where: int) -> bool:
        """Whether a value of a unique index was overwritten: nothing else is worth writing all rows twice."""
        names = {row["name"] for row in await self._connection.fetch(MAY_BE_IN_THE_WAY, where)}
        now = await self._now(one, where)
        other = " OR ".join(
            f"c{at}::text IS DISTINCT FROM n{at}"
            for at, column in enumerate(one.columns, 1)
            if column.name in now and now[column.name].name in names
        )
        which = other or "false"
        return bool(await self._connection.fetchval(f"SELECT EXISTS (SELECT FROM {one.table.name} WHERE {which})"))

    async def _going(self, one: StoredSet, where: int, name: str) -> Going:
        now, there = await self._now(one, where), await rows_at(self._connection, where)
        return Going(self._connection, one.table, name, there, now, one.checksum, one.rows, one.table.name)

    async def _put_back(self, one: StoredSet, where: int, going: Going, aside: Aside) -> _Result:
        if one.kind in _WHOLE:
            lived, said, alive = 0, list[str](), self._living.get(one.id)
            if alive is not None and await cannot_tell(going, where):
                return _Result(None, one.rows, ["the table was made anew, and no key tells which rows it has already"])
            if alive is not None:
                lived, said, going = await give_to_living(going, where, alive)
            room = await self._newcomers.give_way(going, where, aside)
            placed, more, going = room.count, room.remarks, room.left
            if where != self._stood[one.id]:
                placed, more, going = await make_room(going, where)
            restored, remarks = await insert_rows(going)
            result = _Result(lived + placed + restored, one.rows, [*said, *more, *remarks], room.notes)
        else:
            if one.kind is Kind.UPDATED:
                # what the same step deleted later has only just come back, perhaps where another of its key stood
                for gone in (two for two in self._sets if two.kind is Kind.DELETED and two.relation == one.relation):
                    await self._connection.execute(one.table.judged_again(gone.table))
                await self._mark_unchanged(one, where)
            result = _Result(*await update_rows(going, judged=one.kind in _JUDGED))
        await set_positions(self._connection, going.table, one.sequences)
        return result

    async def _settle(self, one: StoredSet, result: _Result) -> str:
        because = "".join(f"; {remark}" for remark in (*result.remarks, *result.notes))
        if result.restored is None:
            return f"{one.said(one.rows)} cannot go back and stays kept{because}"
        whole = result.restored == result.of and not result.remarks
        state = PreservedState.RESTORED if whole else PreservedState.PARTLY_RESTORED
        await self._connection.execute(
            SETTLE, one.id, state.value, self._stamp.job_id, result.restored, json.dumps(result.remarks)
        )
        if whole and one.kind is not Kind.SEQUENCE:
            await self._connection.execute(f"DROP TABLE {one.table.name}")
        return f"gave back {one.said(result.of, result.restored)}{because}"

    async def _place_of(self, one: StoredSet) -> int | None:
        """The table that is meant: the same one where it has stood all along, else one of its name."""
        if one.kind is Kind.SEQUENCE:
            stands = await is_the_same(self._connection, one)
        else:
            stands = one.kind is not Kind.TABLE and await is_at_origin(self._connection, one.table.name)
        kinds = ["S"] if one.kind is Kind.SEQUENCE else ["r", "p"]
        found: int | None = await self._connection.fetchval(FIND, one.relation, one.schema, one.name, stands, kinds)
        return found

    async def _said(self, where: int) -> str:
        name: str = await self._connection.fetchval("SELECT $1::bigint::oid::regclass::text", where)
        return name


def _is_of_the_values(error: asyncpg.PostgresError) -> bool:
    """What is kept does not fit what stands there: values, constraints, or types without a cast between them."""
    state = error.sqlstate or ""
    return state[:2] in ("22", "23") or state in ("42804", "42846", "42883", "428C9")


def mismatch(step: Step, ordinal: int, what: str) -> StepFailed:
    failure = Failure(
        code=FailureCode.VERIFY_FAILED,
        message=f"{step.name}: what was given back is not what was kept: {what}",
        migration=step.name,
        direction=step.direction.value,
        next_steps=("look at liftlock.preserved: the rows are still kept",),
    )
    return StepFailed(failure, ordinal)
