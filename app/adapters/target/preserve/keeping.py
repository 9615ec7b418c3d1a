"""What is done before a script runs for good: copies are made of what it will destroy, and triggers set for the rest.

A table that it drops is not copied where it can be moved (`moving`).
"""

import uuid
from collections import defaultdict
from dataclasses import dataclass, field

import asyncpg

from app import failpoints
from app.adapters.postgres import quote
from app.adapters.target.preserve import capture
from app.adapters.target.preserve.deferred import immediately
from app.adapters.target.preserve.inventory import Inventory, Loss, Relation
from app.adapters.target.preserve.kept_rows import (
    KeptTable,
    StoredColumn,
    columns_of,
    is_forced,
    is_ours,
    key_of,
    quietly,
    unforced,
)
from app.adapters.target.preserve.moving import Moves
from app.adapters.target.preserve.sets import KeptSet, columns_said, qualified, rows_of
from app.domain.losing import MOST_OVERWRITTEN, TOO_WIDE
from app.domain.preserved import PreservedKind as Kind
from app.domain.step import count_of

ROWS = frozenset({Kind.DELETED, Kind.UPDATED})
NO_KEY = "no primary key or unique index finds its rows again"
VALUES = frozenset({Kind.COLUMNS, Kind.TYPES})
_SEQUENCES_OF = """
    SELECT s.oid::bigint AS oid, s.oid::regclass::text AS sequence, a.attname AS column
    FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
      AND d.refobjid = $1::bigint::oid
"""


@dataclass(frozen=True, slots=True)
class KeepPolicy:
    """`most_bytes`: of one table of kept rows. `may_lose`: what cannot be kept may go all the same."""

    most_bytes: int
    may_lose: bool


@dataclass(slots=True)
class Round:
    """What one run keeps. `unkept`: what it will destroy all the same, and why; `unwatched`, by table: why no trigger
    keeps its rows, which matters only if it loses some."""

    covered: set[Loss] = field(default_factory=set)
    sets: list[KeptSet] = field(default_factory=list)
    watched: list[capture.Watched] = field(default_factory=list)
    unkept: list[str] = field(default_factory=list)
    unwatched: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))

    def values_of(self, relation: Relation) -> list[KeptSet]:
        """What is kept of columns of the table, with their key."""
        return [one for one in self.sets if one.relation.oid == relation.oid and one.kind in VALUES and one.table.keys]

    def dropped_from(self, relation: Relation) -> frozenset[int]:
        """Columns that go, kept or not: no row is found again by them."""
        lost = (one for one in self.covered if one.relation == relation.oid and one.kind is Kind.COLUMNS)
        return frozenset(number for one in lost for number in one.numbers)


class Keeping:
    def __init__(self, connection: asyncpg.Connection, policy: KeepPolicy, moves: Moves) -> None:
        self._connection = connection
        self._policy = policy
        self._moves = moves

    async def keep(self, before: Inventory, wanted: set[Loss]) -> Round:
        kept = Round()
        if not wanted:
            return kept
        failpoints.reach("keep.before", self._connection)
        whole = {loss.relation for loss in wanted if loss.kind is Kind.TABLE}
        async with quietly(self._connection), immediately(self._connection):
            # rows last: what is kept of columns is none of theirs
            for loss in sorted(wanted, key=lambda one: (one.kind in ROWS, one.kind, one.relation)):
                kept.covered.add(loss)
                relation = before.relations[loss.relation]
                if loss.kind in ROWS and relation.oid in whole:
                    continue
                # somebody else's work, meanwhile, is none of the step's
                if not await self._connection.fetchval("SELECT to_regclass($1) IS NULL", qualified(relation)):
                    await self._keep_one(kept, relation, loss)
        failpoints.reach("keep.kept", self._connection)
        return kept

    async def _keep_one(self, kept: Round, relation: Relation, loss: Loss) -> None:
        if loss.kind is Kind.SEQUENCE:
            positions = [await self._position(qualified(relation), "")]
            kept.sets.append(KeptSet(loss.kind, relation, KeptTable(uuid.uuid4(), ()), tuple(positions)))
            return
        columns = await columns_of(self._connection, relation.oid)
        if loss.kind in ROWS:
            await self._watch(kept, relation, loss, columns)
            return
        await self._connection.execute(f"LOCK TABLE {qualified(relation)} IN ACCESS EXCLUSIVE MODE")
        async with unforced(self._connection, relation.oid):
            await self._keep_values(kept, relation, loss, columns)

    async def _keep_values(
        self, kept: Round, relation: Relation, loss: Loss, columns: tuple[StoredColumn, ...]
    ) -> None:
        if loss.kind is Kind.TABLE:
            await self._copy(kept, relation, loss, KeptTable(uuid.uuid4(), columns))
            return
        lost = tuple(one for one in columns if one.number in loss.numbers)
        if not lost:
            return
        if loss.within:
            kept.unkept.append(f"{columns_said(lost)} of {relation.said}: an attribute of its type goes")
            return
        # what may be lost may be a key that only its default was altered of
        gone = kept.dropped_from(relation) | (frozenset() if loss.perhaps else loss.numbers)
        key = await key_of(self._connection, relation.oid, columns, gone)
        if loss.perhaps and not key:
            # its rows as they are tell afterwards whether any has become another one
            table = KeptTable(uuid.uuid4(), columns)
            await self._connection.execute(table.fill(rows_of(relation), written=False))
            kept.sets.append(KeptSet(loss.kind, relation, table, (), loss.numbers, perhaps=True))
            return
        table = KeptTable(uuid.uuid4(), lost, key)
        unmatched = await self._unmatched(relation, table)
        if unmatched:
            kept.unkept.append(f"{columns_said(lost)} of {relation.said}: {unmatched}")
        if key:
            await self._copy(kept, relation, loss, table)

    async def _copy(self, kept: Round, relation: Relation, loss: Loss, table: KeptTable) -> None:
        size = await self._connection.fetchval("SELECT pg_table_size($1::bigint::oid)", relation.oid)
        if loss.kind is Kind.TABLE and size > self._policy.most_bytes:
            kept.unkept.append(f"{relation.said}: it has {size} bytes, and at most {self._policy.most_bytes} are kept")
            return
        positions = await self._positions(relation, table)
        if loss.kind is not Kind.TABLE or not await self._moves.take(relation, table):
            await self._connection.execute(table.fill(rows_of(relation, loss.still), written=loss.kind is Kind.TYPES))
        kept.sets.append(KeptSet(loss.kind, relation, table, positions, loss.numbers, loss.perhaps))

    async def _watch(self, kept: Round, relation: Relation, loss: Loss, columns: tuple[StoredColumn, ...]) -> None:
        key = await key_of(self._connection, relation.oid, columns, kept.dropped_from(relation))
        why_not, ours = None, await is_ours(self._connection, relation.oid)
        if relation.parent and relation.kind == "r":
            why_not = "other tables inherit from it"
        elif not ours:
            why_not = "it belongs to another role"
        elif loss.kind is Kind.UPDATED and not key:
            why_not = NO_KEY
        elif loss.kind is Kind.UPDATED and len(columns) > MOST_OVERWRITTEN:
            why_not = TOO_WIDE
        elif loss.kind is Kind.DELETED and await is_forced(self._connection, relation.oid):
            why_not = "row security is forced on it"
        if why_not is not None:
            if loss.kind is Kind.UPDATED or not ours or await self._has_rows(relation):
                kept.unwatched[relation.oid].add(why_not)
            return
        table = KeptTable(uuid.uuid4(), columns, key if loss.kind is Kind.UPDATED else ())
        elsewhere = frozenset(number for one in kept.values_of(relation) for number in one.numbers)
        watched = capture.Watched(loss.kind, relation, table, elsewhere)
        for statement in capture.begin(watched):
            await self._connection.execute(statement)
        kept.watched.append(watched)
        # TRUNCATE … RESTART IDENTITY takes them too
        positions = await self._positions(relation, table) if loss.kind is Kind.DELETED else ()
        kept.sets.append(KeptSet(loss.kind, relation, table, positions))

    async def _positions(self, relation: Relation, table: KeptTable) -> tuple[dict[str, object], ...]:
        """Where the sequences of its columns stand."""
        names = {column.name for column in table.columns}
        found = await self._connection.fetch(_SEQUENCES_OF, relation.oid)
        return tuple(
            [
                {**await self._position(row["sequence"], row["column"]), "sequence": row["oid"]}
                for row in found
                if row["column"] in names
            ]
        )

    async def _position(self, sequence: str, column: str) -> dict[str, object]:
        row = await self._connection.fetchrow(f"SELECT last_value, is_called FROM {sequence}")
        assert row is not None
        return {"column": column, "value": row["last_value"], "called": row["is_called"]}

    async def _unmatched(self, relation: Relation, table: KeptTable) -> str | None:
        if not table.keys:
            return NO_KEY if await self._has_rows(relation) else None
        empty = " OR ".join(f"t.{quote(key.name)} IS NULL" for key in table.keys)
        count = await self._connection.fetchval(f"SELECT count(*) FROM {rows_of(relation)} AS t WHERE {empty}")
        return f"{count_of(count, 'row')} with nothing in the key" if count else None

    async def _has_rows(self, relation: Relation) -> bool:
        async with unforced(self._connection, relation.oid):
            return bool(await self._connection.fetchval(f"SELECT EXISTS (SELECT FROM {rows_of(relation)})"))
