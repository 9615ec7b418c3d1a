"""Rows that a script has just put into a table that lived on, and that were kept too: each is there once then.

The new row gets in its place what was kept, its old key too, and what the script has made refer to it follows: to
delete it would take along, or be refused for, rows of others. Which rows those are, the number of the transaction in
each tells; of rows that were overwritten it says the same, so that none gives way in a table where the script did that.
https://www.postgresql.org/docs/current/ddl-system-columns.html
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from app.adapters.target.preserve.going_back import (
    Going,
    Pairs,
    assigned,
    at_once,
    hashes,
    hashes_of,
    one_by_one,
    rest_of,
)
from app.adapters.target.preserve.identities import settable
from app.adapters.target.preserve.kept_rows import keys_of
from app.adapters.target.preserve.references import PAIRED, Reference, followed, leads_to, references_to
from app.adapters.target.preserve.standing_aside import Aside
from app.domain.step import count_of

_WRITTEN = """
    WITH part AS (SELECT $1::bigint::oid AS part UNION SELECT relid FROM pg_partition_tree($1::bigint::oid::regclass))
    SELECT sum(pg_stat_get_xact_tuples_inserted(part))::bigint AS inserted,
           sum(pg_stat_get_xact_tuples_updated(part)
               -- a row that is overwritten may move from one partition to another
               + CASE WHEN part = $1::bigint::oid THEN 0 ELSE pg_stat_get_xact_tuples_deleted(part) END)::bigint
               AS updated,
           COALESCE(pg_partition_root($1::bigint::oid::regclass)::oid, $1::bigint::oid)::bigint AS root
    FROM part
"""
_WINDOW = """
    SELECT pg_current_xact_id()::text::bigint AS first, xmin::text::bigint AS last FROM pg_attribute
    WHERE attrelid = $1::text::regclass AND attname = 'liftlock_part'
"""
"""The transaction's own number, and one that it has drawn for a part of itself only now."""

_MADE = r"""
    SELECT a.attnum::int AS number
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    CROSS JOIN LATERAL (SELECT COALESCE(d.adbin, t.typdefaultbin)::text AS made) AS default_is
    WHERE a.attrelid = $1::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped AND (
        a.attidentity <> '' OR made ~ '\{(SQLVALUEFUNCTION|NEXTVALUEEXPR|COERCEVIAIO)' OR EXISTS (
            SELECT FROM regexp_matches(made, ':(?:op)?funcid (\d+)', 'g') AS called (id)
            JOIN pg_proc p ON p.oid = called.id[1]::oid WHERE p.provolatile <> 'i'))
"""
"""What each row has anew by itself, such as a number, now() or a random key."""


@dataclass(frozen=True, slots=True)
class Yielded:
    """`count` rows have what was kept; `left` is still to be inserted. `remarks` tell what is amiss, `notes` do not."""

    count: int
    remarks: list[str]
    notes: list[str]
    left: Going


@dataclass(frozen=True, slots=True)
class _Written:
    inserted: int
    updated: int
    root: int


class Newcomers:
    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._before: dict[int, _Written] = {}
        self._came: set[int] = set()
        self._roots: dict[int, int] = {}
        self._references: dict[int, list[Reference]] = {}

    async def look(self, where: int) -> None:
        """Before the script."""
        self._before[where] = await self._written(where)

    async def see(self, places: Iterable[int]) -> Mapping[int, int]:
        """After it, before anything is given back: which tables it put rows into. How far each is down the way that
        foreign keys lead: what is referred to has to be in its place before what refers to it."""
        for where in self._before.keys() & set(places):
            before, now = self._before[where], await self._written(where)
            self._roots[where] = now.root
            if now.inserted > before.inserted and now.updated == before.updated:
                self._came.add(where)
            self._references[where] = await references_to(self._connection, where)
        return leads_to(self._references)

    def came_to(self, where: int) -> bool:
        """Whether the script has put rows into the table, or into what is a part of the same one."""
        return self._roots.get(where, where) in {self._roots[one] for one in self._came}

    async def give_way(self, going: Going, where: int, aside: Aside) -> Yielded:
        nothing = Yielded(0, [], [], going)
        if where not in self._came or not going.columns:
            return nothing
        # what this gives back is the transaction's own too: a second set for the table would take it for the script's
        self._came = {one for one in self._came if self._roots[one] != self._roots[where]}
        own = [one for one in self._references[where] if one.relation == where]
        paired, by_key = await self._pair_all(going, where, own)
        if not paired:
            return nothing
        others = [one for one in self._references[where] if one.relation != where]
        count, remarks = await _take_over(going, paired, await self._referring(going, others, aside))
        notes = [f"{count_of(by_key, 'row')} of the script gave way to what was kept of the same key"] if by_key else []
        return Yielded(count, remarks, notes, await rest_of(going, "kept.liftlock_place IS NULL"))

    async def _written(self, where: int) -> _Written:
        row = await self._connection.fetchrow(_WRITTEN, where)
        assert row is not None
        return _Written(row["inserted"], row["updated"], row["root"])

    async def _pair_all(self, going: Going, where: int, own: Sequence[Reference]) -> tuple[int, int]:
        """Row for row: those with the same values, then those that differ in what is made for each row, then those of
        the same key. How many, and how many by key.

        Where rows refer to rows of their table, each round finds those that refer to what the one before has found.
        """
        kept = going.kept.name
        await self._connection.execute(
            f"ALTER TABLE {kept} ADD COLUMN liftlock_place tid, ADD COLUMN liftlock_part oid"
        )
        window = await self._connection.fetchrow(_WINDOW, kept)
        assert window is not None
        mine = _put_there(window["first"], window["last"])
        made = {row["number"] for row in await self._connection.fetch(_MADE, where)}
        values = [going.columns, [one for one in going.columns if one[2].number not in made]]
        paired, found = 0, True
        while found and paired < going.rows:
            counts = [await self._pair(going, columns, mine, "true", "true") for columns in values]
            paired, found = paired + sum(counts), bool(own) and any(counts)
            if found:
                await self._connection.execute(followed(own, going, "true", unpaired=True))
        by_key = 0
        for key in await keys_of(self._connection, where, list(going.now.values())):
            columns = [one for one in going.columns if one[2] in key]
            if len(columns) == len(key) and paired + by_key < going.rows:
                filled = " AND ".join(f"{now.read('t')} IS NOT NULL" for _, _, now in columns)
                there = " AND ".join(f"kept.{name} IS NOT NULL" for name, _, _ in columns)
                by_key += await self._pair(going, columns, mine, filled, there)
        return paired + by_key, by_key

    async def _pair(self, going: Going, columns: Pairs, mine: str, which: str, kept: str) -> int:
        now, then = hashes_of(columns)
        table = going.kept.name
        tag = await self._connection.execute(f"""
            UPDATE {table} AS kept SET liftlock_place = twice.place, liftlock_part = twice.part
            FROM (
                SELECT put.place, put.part, back.at
                FROM (SELECT t.ctid AS place, t.tableoid AS part, {now} AS hash,
                             row_number() OVER (PARTITION BY {now} ORDER BY t.tableoid, t.ctid) AS number
                      FROM {going.there} AS t
                      WHERE {mine} AND {which} AND NOT EXISTS (SELECT FROM {table} AS kept WHERE {PAIRED})) AS put
                JOIN (SELECT kept.ctid AS at, {then} AS hash,
                             row_number() OVER (PARTITION BY {then} ORDER BY kept.ctid) AS number
                      FROM {going.source} AS kept WHERE kept.liftlock_place IS NULL AND {kept}) AS back
                  ON back.hash = put.hash AND back.number = put.number) AS twice
            WHERE kept.ctid = twice.at""")
        return int(tag.split()[-1])

    async def _referring(self, going: Going, references: Sequence[Reference], aside: Aside) -> list[list[Reference]]:
        """By table, those of the foreign keys by which something refers to a row whose key becomes another."""
        found: dict[int, list[Reference]] = {}
        for one in references:
            if one.is_of(going) and await self._connection.fetchval(one.refers(going)):
                found.setdefault(one.relation, []).append(one)
        for relation, some in found.items():
            await aside.of(relation, some[0].table, inserts=False)
        return list(found.values())


async def _take_over(going: Going, paired: int, referring: Sequence[Sequence[Reference]]) -> tuple[int, list[str]]:
    """The kept values to the rows that they are paired with, and all that refers to these in the same statement."""
    columns = going.columns
    sets = ", ".join(assigned(name, one, now) for name, one, now in columns)
    now, then = hashes(going)
    update = f"UPDATE {going.there} AS t SET {sets} FROM {going.kept.name} AS kept WHERE {PAIRED}"

    def follow(which: str) -> list[str]:
        return [f"moved{at} AS ({followed(some, going, which)})" for at, some in enumerate(referring)]

    async with settable(going.connection, going.table, [now.name for _, _, now in columns]):
        back = f"back AS ({update} RETURNING {now} <> {then} AS other)"
        done = await at_once(
            going, f"WITH {', '.join([*follow('true'), back])} SELECT count(*) FILTER (WHERE other) AS others FROM back"
        )
        if done is not None:
            going.refuse_others(done["others"])
            return paired, []
        each = follow("kept.ctid = one")
        first = f"WITH {', '.join(each)} " if each else ""
        rows = f"(SELECT ctid FROM {going.kept.name} WHERE liftlock_place IS NOT NULL)"
        refused, remarks = await one_by_one(going, f"{first}{update} AND", rows)
    return paired - refused, remarks


def _put_there(first: int, last: int) -> str:
    """The condition under which a row `t` was written by this transaction or a part of it; others that have drawn
    their numbers meanwhile are over, for what they have written can be seen. Numbers begin again after 2^32."""
    since = f"((t.xmin::text::bigint - {first}) & 4294967295)"
    return f"""CASE WHEN {since} = 0 THEN true WHEN {since} > {(last - first) % 2**32} THEN false
        ELSE pg_xact_status(({first} + {since})::text::xid8) = 'in progress' END"""
