"""Where sequences stood that a script sets itself: kept, and given back where nobody can be given a number twice.

Numbers that were drawn are never drawn again, and `setval` is not rolled back: what is set back is set by ALTER
SEQUENCE, which is, and which nobody draws beside. https://www.postgresql.org/docs/current/functions-sequence.html
"""

import uuid
from dataclasses import dataclass

import asyncpg

from app.adapters.target.preserve.inventory import Inventory, Relation
from app.adapters.target.preserve.kept_rows import KeptTable, rows_at, unforced
from app.adapters.target.preserve.sets import KeptSet, StoredSet, qualified
from app.domain.positions import positioned, sets_search_path, sets_unnamed
from app.domain.preserved import PreservedKind as Kind
from app.domain.step import Step

UNNAMED = "not kept: the position of a sequence whose name it works out while it runs"
MISSED = "not kept: the position of the sequence {}, which the script finds by a name that did not lead there before it"
_DRAWN = "numbers have been drawn from it since, so that it is left where it is"
_SET_ITSELF = "the step sets it itself"
_USED = "there are rows with higher numbers, so that it is left where it is"
_NOT_OURS = "it belongs to another role"
_NOT_COMPARED = "there are rows whose numbers nobody can compare, so that it is left where it is"

_NAMED = """
    SELECT DISTINCT c.oid::bigint AS oid
    FROM unnest($1::text[], $2::text[]) AS asked (name, of)
    JOIN pg_class c ON c.relkind = 'S' AND CASE
        WHEN asked.of = '' THEN c.oid = to_regclass(asked.name)::oid
        ELSE c.oid IN (
            SELECT d.objid FROM pg_depend d
            JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attname = asked.of
            WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
              AND d.deptype IN ('a', 'i') AND d.refobjid = to_regclass(asked.name)::oid) END
"""
_USERS = r"""
    SELECT a.attrelid::bigint AS relation, quote_ident(a.attname) AS name,
           a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)
               AND (x.oid IS NULL OR pg_get_expr(x.adbin, x.adrelid) ~ '^nextval\(''[^'']+''::regclass\)(::\w+)?$')
               AS comparable
    FROM pg_attribute a LEFT JOIN pg_attrdef x ON x.adrelid = a.attrelid AND x.adnum = a.attnum
    WHERE NOT a.attisdropped
      AND ((a.attrelid, a.attnum) IN (
               SELECT d.refobjid, d.refobjsubid FROM pg_depend d
               WHERE d.classid = 'pg_class'::regclass AND d.objid = $1::text::regclass
                 AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
           OR (a.attrelid, a.attnum) IN (
               SELECT x.adrelid, x.adnum FROM pg_attrdef x JOIN pg_depend d ON d.objid = x.oid
               WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
                 AND d.refobjid = $1::text::regclass))
"""
"""Columns that it is for, and those whose default draws from it; `comparable`: what they hold is what was drawn."""

_STEP = "SELECT seqincrement FROM pg_sequence WHERE seqrelid = $1::text::regclass"
_ORIGIN = "SELECT 'liftlock.preserved'::regclass::oid::bigint"
"""In a database that was restored from a dump it is another one, and so is the OID of every sequence."""

_LIMITS = """
    SELECT s.seqincrement AS step, s.seqmin AS least, s.seqmax AS most, s.seqcache AS cache,
           pg_has_role(c.relowner, 'USAGE') AS ours
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid WHERE s.seqrelid = $1::text::regclass
"""


@dataclass(frozen=True, slots=True)
class Position:
    """`called`: whether `value` has been drawn already."""

    value: int
    called: bool

    def next(self, step: int) -> int:
        """What would be drawn next."""
        return self.value + step if self.called else self.value


class Positions:
    """Those that one step may set: none, and nothing is asked, for nearly every step."""

    def __init__(self, connection: asyncpg.Connection, step: Step) -> None:
        self._connection = connection
        self._asked = positioned(step)
        self._unnamed = sets_unnamed(step)
        self._may_lead_elsewhere = sets_search_path(step)
        self._stood: dict[int, tuple[str, Position]] = {}
        self._left: dict[int, Position] = {}
        self._missed: list[str] = []

    async def look(self, before: Inventory) -> None:
        for relation in await self._named_in(before):
            name = qualified(relation)
            self._stood[relation.oid] = name, await position_of(self._connection, name)
        found_all = len(self._stood) == len(self._asked) or all(one.says_where for one in self._asked)
        self._unnamed |= self._may_lead_elsewhere and not found_all

    async def note(self, after: Inventory) -> None:
        """After a run that is to be taken back."""
        for oid in self._stood.keys() & after.relations.keys():
            self._left[oid] = await position_of(self._connection, qualified(after.relations[oid]))

    async def again(self) -> None:
        """After it was taken back, which does not take `setval` back: the next run is to find what the first found."""
        for oid, left in self._left.items():
            name, stood = self._stood[oid]
            if stood != left == await position_of(self._connection, name):
                await self._connection.fetchval(
                    "SELECT setval($1::text::regclass, $2, $3)", name, stood.value, stood.called
                )
        self._left.clear()

    async def kept(self, before: Inventory, after: Inventory) -> list[KeptSet]:
        """Those that stand somewhere else after the last run."""
        found: list[KeptSet] = []
        for oid in sorted(self._stood.keys() & after.relations.keys()):
            stood, made = self._stood[oid][1], await position_of(self._connection, qualified(after.relations[oid]))
            if made != stood:
                found.append(await self._kept(before.relations[oid], stood, made))
        named = await self._named_in(before)
        self._missed = [MISSED.format(one.said) for one in named if one.oid not in self._stood]
        return found

    async def restarted(self, emptied: KeptSet, before: Inventory, after: Inventory) -> list[KeptSet]:
        """Those of a table without rows that its truncation has set back: there is nothing else to keep of it."""
        found: list[KeptSet] = []
        for position in emptied.sequences:
            oid, stood = position["sequence"], _position(position)
            assert isinstance(oid, int)
            if oid in self._stood or oid not in before.relations or oid not in after.relations:
                continue
            name = qualified(after.relations[oid])
            made, step = await position_of(self._connection, name), await self._connection.fetchval(_STEP, name)
            if made.next(step) * step < stood.next(step) * step:
                found.append(await self._kept(before.relations[oid], stood, made))
        return found

    async def _kept(self, relation: Relation, stood: Position, made: Position) -> KeptSet:
        noted: dict[str, object] = {"column": "", "value": stood.value, "called": stood.called}
        noted["made"] = {"value": made.value, "called": made.called}
        noted["origin"] = await self._connection.fetchval(_ORIGIN)
        return KeptSet(Kind.SEQUENCE, relation, KeptTable(uuid.uuid4(), ()), (noted,))

    @property
    def notices(self) -> tuple[str, ...]:
        return (*((UNNAMED,) if self._unnamed else ()), *self._missed)

    async def _named_in(self, before: Inventory) -> list[Relation]:
        """Which sequences of `before` the names in the script lead to as things are now."""
        if not self._asked:
            return []
        names, columns = [one.name for one in self._asked], [one.column for one in self._asked]
        found = await self._connection.fetch(_NAMED, names, columns)
        return [before.relations[row["oid"]] for row in found if row["oid"] in before.relations]


def was_set(one: StoredSet) -> bool:
    """Whether it is the position of a sequence that stands, and was set elsewhere."""
    return one.kind is Kind.SEQUENCE and "made" in one.sequences[0]


async def is_the_same(connection: asyncpg.Connection, one: StoredSet) -> bool:
    """Whether the OID that was noted with it is still the one of that sequence, whatever its name is by now."""
    return was_set(one) and one.sequences[0].get("origin") == await connection.fetchval(_ORIGIN)


async def position_of(connection: asyncpg.Connection, sequence: str) -> Position:
    row = await connection.fetchrow(f"SELECT last_value, is_called FROM {sequence}")
    assert row is not None
    return Position(row["last_value"], row["is_called"])


async def set_back(connection: asyncpg.Connection, sequence: str, one: StoredSet, seen: Position | None) -> str | None:
    """Why it is not set back; None when it stands where it stood. `seen`: where it was before the step."""
    noted = one.sequences[0]
    stood, made = _position(noted), _position(noted["made"])
    limits = await connection.fetchrow(_LIMITS, sequence)
    assert limits is not None
    if not limits["ours"]:
        return _NOT_OURS
    # takes the lock that keeps others from drawing, and changes nothing
    await connection.execute(f"ALTER SEQUENCE {sequence} CACHE {limits['cache']}")
    now, step = await position_of(connection, sequence), limits["step"]
    goal = min(max(stood.next(step), limits["least"]), limits["most"])
    if goal == now.next(step):
        return None
    backwards = (goal < now.next(step)) if step > 0 else (goal > now.next(step))
    why_not = await _why_not(connection, sequence, (goal, step), now, made, seen) if backwards else None
    if why_not is None:
        await connection.execute(f"ALTER SEQUENCE {sequence} RESTART WITH {goal}")
    return why_not


async def _why_not(
    connection: asyncpg.Connection,
    sequence: str,
    goal: tuple[int, int],
    now: Position,
    made: Position,
    seen: Position | None,
) -> str | None:
    """Why numbers may not be drawn again from `goal` on, which is the next one and the way it counts."""
    if seen != made:
        return _DRAWN
    if now != seen:
        return _SET_ITSELF
    beyond = f">= {goal[0]}" if goal[1] > 0 else f"<= {goal[0]}"
    for user in await connection.fetch(_USERS, sequence):
        async with unforced(connection, user["relation"]):
            rows = await rows_at(connection, user["relation"])
            which = f"t.{user['name']} {beyond}" if user["comparable"] else "true"
            if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {rows} AS t WHERE {which})"):
                return _USED if user["comparable"] else _NOT_COMPARED
    return None


def _position(noted: object) -> Position:
    assert isinstance(noted, dict)
    return Position(int(noted["value"]), bool(noted["called"]))
