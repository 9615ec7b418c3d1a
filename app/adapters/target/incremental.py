"""Keeps the last snapshot of a connection, and reads again only what has changed since."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import asyncpg

from app.adapters.target.introspect import OTHERS, RELATIONAL, Read, quietly, read_sections, read_snapshot
from app.adapters.target.prepared import Rows
from app.adapters.target.tokens import Changed, Tokens, ask_tokens, changed_between
from app.domain.schema import Snapshot

MOST_TOUCHED = 200
"""Beyond that a look at everything is the shorter way."""

_SMALL_PART = """
    SELECT 10 * count(*) FILTER (WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)) < count(*)
    FROM pg_class WHERE oid >= 16384
"""
"""Whether a scope is so small a part of its database that to read it is less work than to ask for the tokens, which
are those of the whole database: a definition may mention what stands outside. Measured with a schema for each tenant.
"""

_NAMED_ELSEWHERE = ("column", "constraint")
"""Parts of a relation that the definitions of others mention by name."""

_DEPENDANTS = """
    SELECT c.oid FROM pg_class c WHERE c.oid = ANY ($1::oid[])
    UNION SELECT i.indrelid FROM pg_index i WHERE i.indexrelid = ANY ($1::oid[])
    UNION SELECT w.ev_class FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY ($1::oid[])
    UNION SELECT p.polrelid FROM pg_depend d JOIN pg_policy p ON p.oid = d.objid
    WHERE d.classid = 'pg_policy'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY ($1::oid[])
"""
"""A new column can change the text of a view that joins its table: PostgreSQL adds aliases to tell columns apart."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was read, in the portions in which it is replaced: by relation, and by kind for everything else."""

    tokens: Tokens
    relations: dict[int, list[Read]]
    others: dict[str, list[Read]]


class SchemaReader:
    """The schema of one connection's database, look after look; `scope` as in `read_snapshot`.

    `rows` sends what it asks again and again: the connection itself, or what keeps statements prepared on it.
    """

    def __init__(self, connection: asyncpg.Connection, scope: str = "", rows: Rows | None = None) -> None:
        self._connection = connection
        self._scope = scope
        self._rows: Rows = rows or connection.fetch
        self._kept: _Kept | None = None
        self._small: bool | None = None
        self.last_was_whole = False
        """Whether the last look had to read everything."""

    async def read(self) -> Snapshot:
        """Exactly what `read_snapshot` gives, also in the middle of a transaction.

        0. A scope that is a small part of its database is read as a whole each time.
        1. Ask for the tokens; what somebody changes after that is seen at the next look.
        2. Nothing kept, a rename, or too much changed: read everything.
        3. Else read what has changed, and the views and policies that mention it.
        4. A column or constraint of it bears another name now: read everything after all.
        """
        if await self._is_small():
            self.last_was_whole = True
            return await read_snapshot(self._connection, self._scope, self._rows)
        kept = await quietly(self._connection, self._look)
        self._kept = kept
        return Snapshot.of(one.found for one in chain(_all(kept.relations.values()), _all(kept.others.values())))

    async def _is_small(self) -> bool:
        """Settled at the first look."""
        if self._small is None:
            self._small = bool(self._scope) and await self._connection.fetchval(_SMALL_PART, self._scope)
        return self._small

    async def _look(self) -> _Kept:
        tokens = await ask_tokens(self._connection, self._rows)
        changed = self._kept and changed_between(self._kept.tokens, tokens)
        renewed = await self._renewed(self._kept, changed, tokens) if self._kept and changed else None
        self.last_was_whole = renewed is None
        return renewed or await self._whole(tokens)

    async def _whole(self, tokens: Tokens) -> _Kept:
        rows = await read_sections(self._connection, self._scope, (*RELATIONAL, *OTHERS), rows=self._rows)
        return _Kept(tokens, _by_relation(rows), _by_kind(rows))

    async def _renewed(self, kept: _Kept, changed: Changed, tokens: Tokens) -> _Kept | None:
        touched = await self._touched(changed.relations)
        if len(touched) > MOST_TOUCHED:
            return None
        sections = changed.sections | ({"functions"} if touched and _has_parsed_bodies(kept) else frozenset())
        wanted = (*(RELATIONAL if touched else ()), *(one for one in OTHERS if one in sections))
        if not wanted:
            return _Kept(tokens, kept.relations, kept.others)
        rows = await read_sections(self._connection, self._scope, wanted, sorted(touched), self._rows)
        fresh = _by_relation(rows)
        if any(_lost_a_name(kept.relations[oid], fresh[oid]) for oid in fresh.keys() & kept.relations.keys()):
            return None
        relations = {oid: reads for oid, reads in kept.relations.items() if oid not in touched} | fresh
        replaced = {kind for section in sections for kind in OTHERS[section]}
        others = {kind: reads for kind, reads in kept.others.items() if kind not in replaced} | _by_kind(rows)
        return _Kept(tokens, relations, others)

    async def _touched(self, relations: frozenset[int]) -> frozenset[int]:
        if not relations:
            return relations
        found = await self._rows(_DEPENDANTS, list(relations))
        return relations | {row["oid"] for row in found}


def _by_relation(rows: Iterable[Read]) -> dict[int, list[Read]]:
    grouped: dict[int, list[Read]] = {}
    for row in rows:
        if row.relation is not None:
            grouped.setdefault(row.relation, []).append(row)
    return grouped


def _by_kind(rows: Iterable[Read]) -> dict[str, list[Read]]:
    grouped: dict[str, list[Read]] = {}
    for row in rows:
        if row.relation is None:
            grouped.setdefault(row.found.kind, []).append(row)
    return grouped


def _lost_a_name(before: list[Read], after: list[Read]) -> bool:
    return not _names(before) <= _names(after)


def _names(reads: list[Read]) -> set[tuple[str, str, int]]:
    """Columns with their number: two may have swapped their names."""
    return {(one.found.kind, one.found.identity, one.attnum) for one in reads if one.found.kind in _NAMED_ELSEWHERE}


def _has_parsed_bodies(kept: _Kept) -> bool:
    """Functions whose body is kept parsed (BEGIN ATOMIC) are written out anew each time, like views."""
    bodies = (
        one.found.text("definition") or "" for kind in ("function", "procedure") for one in kept.others.get(kind, ())
    )
    return any("\nAS " not in body for body in bodies)


def _all(portions: Iterable[list[Read]]) -> Iterator[Read]:
    return chain.from_iterable(portions)
