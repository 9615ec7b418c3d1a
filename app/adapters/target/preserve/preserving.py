"""Keeps what a step would destroy, in its own transaction.

The procedure: look what stands; run the step after a savepoint; look again. Where nothing is gone, go on. Else go
back to the savepoint, keep what would be gone — copies of tables and columns, and triggers for rows that statements
delete or overwrite — and run it for good, until a run destroys nothing that is not kept. What a script's own
statements write is known before the first run.
"""

import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import asyncpg

from app.adapters.postgres import quote
from app.adapters.target.preserve import capture
from app.adapters.target.preserve.inventory import (
    Inventory,
    Loss,
    Relation,
    losses,
    take_inventory,
)
from app.adapters.target.preserve.kept_rows import (
    KeptTable,
    StoredColumn,
    columns_of,
    hide,
    is_forced,
    key_of,
    quietly,
    unforced,
)
from app.adapters.target.preserve.sets import KeptSet, columns_said, qualified, rows_of, write_down
from app.adapters.target.preserve.unseen import unseen
from app.adapters.target.records import Stamp
from app.domain.failure import Failure, FailureCode, with_effects_elsewhere
from app.domain.losses import is_repeatable, rows_written
from app.domain.migration import Direction
from app.domain.preserved import PreservedKind as Kind
from app.domain.signals import StepFailed
from app.domain.step import Step, count_of

RUNS = 4
_ROWS = frozenset({Kind.DELETED, Kind.UPDATED})
_ONCE = "the file says that it is not repeatable, so nothing could be kept before"
_ASKED = {Direction.UP: "run", Direction.DOWN: "rollback"}
_BY_VERB = {
    "UPDATE": (Kind.UPDATED,),
    "DELETE": (Kind.DELETED,),
    "TRUNCATE": (Kind.DELETED,),
    "MERGE": (Kind.UPDATED, Kind.DELETED),
}
_SEQUENCES_OF = """
    SELECT s.oid::regclass::text AS sequence, a.attname AS column
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
class _Round:
    """What one run keeps. `unkept`: what it will destroy all the same, and why; `unwatched`, by table: why no trigger
    keeps its rows, which matters only if it loses some."""

    covered: set[Loss] = field(default_factory=set)
    sets: list[KeptSet] = field(default_factory=list)
    watched: list[capture.Watched] = field(default_factory=list)
    unkept: list[str] = field(default_factory=list)
    unwatched: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))


class Preserver:
    def __init__(
        self, connection: asyncpg.Connection, stamp: Stamp, ordinal: int, step: Step, policy: KeepPolicy
    ) -> None:
        self._connection = connection
        self._stamp = stamp
        self._ordinal = ordinal
        self._step = step
        self._policy = policy

    async def run(self, body: Callable[[], Awaitable[None]]) -> tuple[str, ...]:
        """Run `body`, as often as it takes; what was kept, in words. Raises StepFailed, and what `body` raises."""
        before = await take_inventory(self._connection)
        wanted = self._foreseen(before)
        for _ in range(RUNS):
            await self._connection.execute("SAVEPOINT liftlock_keep")
            now = await self._keep(before, wanted)
            start = await take_inventory(self._connection) if wanted else before
            await body()
            after = await take_inventory(self._connection)
            lost = self._with_roots(before, losses(Inventory(before.relations, start.written), after))
            missing = lost - now.covered
            if not is_repeatable(self._step):
                self._let_go(now, before, missing)
                missing = set()
            if not missing:
                said = await self._settle(now, before, start, after)
                await self._connection.execute("RELEASE SAVEPOINT liftlock_keep")
                return said
            await self._connection.execute("ROLLBACK TO SAVEPOINT liftlock_keep; RELEASE SAVEPOINT liftlock_keep")
            wanted |= missing
        raise self._refused("it destroys something else each time it is run, so that it cannot be kept")

    def _let_go(self, kept: _Round, before: Inventory, missing: set[Loss]) -> None:
        """What a script that runs once has destroyed: nobody knew of it, and nobody can go back for it."""
        kept.covered |= missing
        for loss in sorted(missing, key=lambda one: (one.relation, one.kind)):
            relation = before.relations[loss.relation]
            if loss.kind in _ROWS:
                kept.unwatched[relation.oid].add(_ONCE)
                continue
            names = [relation.columns[number].name for number in sorted(loss.numbers)]
            kept.unkept.append(
                f"{', '.join(names)} of {relation.said}: {_ONCE}" if names else f"{relation.said}: {_ONCE}"
            )

    def _foreseen(self, before: Inventory) -> set[Loss]:
        named = ((before.named(name), verb) for name, verb in rows_written(self._step))
        wanted = (Loss(kind, one.oid) for one, verb in named if one is not None for kind in _BY_VERB[verb])
        return self._with_roots(before, frozenset(wanted))

    def _with_roots(self, before: Inventory, lost: frozenset[Loss]) -> set[Loss]:
        """A statement on a partitioned table tells the triggers of that table alone what it does to a partition."""
        found = set(lost)
        for loss in lost:
            if loss.kind in _ROWS:
                root = before.relations[loss.relation].partition_of
                while root is not None:
                    found.add(Loss(loss.kind, root))
                    root = before.relations[root].partition_of
        return found

    async def _keep(self, before: Inventory, wanted: set[Loss]) -> _Round:
        kept = _Round()
        if not wanted:
            return kept
        whole = {loss.relation for loss in wanted if loss.kind is Kind.TABLE}
        async with quietly(self._connection):
            for loss in sorted(wanted, key=lambda one: (one.kind, one.relation)):
                kept.covered.add(loss)
                relation = before.relations[loss.relation]
                if loss.kind in _ROWS and relation.oid in whole:
                    continue
                # somebody else's work, meanwhile, is none of the step's
                if not await self._connection.fetchval("SELECT to_regclass($1) IS NULL", qualified(relation)):
                    await self._keep_one(kept, relation, loss)
        return kept

    async def _keep_one(self, kept: _Round, relation: Relation, loss: Loss) -> None:
        if loss.kind is Kind.SEQUENCE:
            positions = [await self._position(qualified(relation), "")]
            kept.sets.append(KeptSet(loss.kind, relation, KeptTable(uuid.uuid4(), ()), tuple(positions)))
            return
        columns = await columns_of(self._connection, relation.oid)
        if loss.kind in _ROWS:
            await self._watch(kept, relation, loss, columns)
            return
        await self._connection.execute(f"LOCK TABLE {qualified(relation)} IN ACCESS EXCLUSIVE MODE")
        async with unforced(self._connection, relation.oid):
            await self._keep_values(kept, relation, loss, columns)

    async def _keep_values(
        self, kept: _Round, relation: Relation, loss: Loss, columns: tuple[StoredColumn, ...]
    ) -> None:
        if loss.kind is Kind.TABLE:
            await self._copy(kept, relation, loss, KeptTable(uuid.uuid4(), columns))
            return
        lost = tuple(one for one in columns if one.number in loss.numbers)
        if not lost:
            return
        key = await key_of(self._connection, relation.oid, columns, loss.numbers)
        table = KeptTable(uuid.uuid4(), lost, key)
        unmatched = await self._unmatched(relation, table)
        if unmatched:
            kept.unkept.append(f"{columns_said(lost)} of {relation.said}: {unmatched}")
        if key:
            await self._copy(kept, relation, loss, table)

    async def _copy(self, kept: _Round, relation: Relation, loss: Loss, table: KeptTable) -> None:
        size = await self._connection.fetchval("SELECT pg_table_size($1::bigint::oid)", relation.oid)
        if loss.kind is Kind.TABLE and size > self._policy.most_bytes:
            kept.unkept.append(f"{relation.said}: it has {size} bytes, and at most {self._policy.most_bytes} are kept")
            return
        await self._connection.execute(table.create(written=loss.kind is Kind.TYPES))
        await self._connection.execute(
            f"INSERT INTO {table.name} ({table.values}) SELECT {table.read('t')} FROM {rows_of(relation)} AS t"
            if table.values
            else f"INSERT INTO {table.name} (liftlock_at) SELECT 0 FROM {rows_of(relation)} AS t"
        )
        positions = [
            await self._position(row["sequence"], row["column"])
            for row in await self._connection.fetch(_SEQUENCES_OF, relation.oid)
            if any(column.name == row["column"] for column in table.columns)
        ]
        kept.sets.append(KeptSet(loss.kind, relation, table, tuple(positions), loss.numbers))

    async def _watch(self, kept: _Round, relation: Relation, loss: Loss, columns: tuple[StoredColumn, ...]) -> None:
        key = await key_of(self._connection, relation.oid, columns, frozenset())
        why_not = None
        if relation.parent and relation.kind == "r":
            why_not = "other tables inherit from it"
        elif loss.kind is Kind.UPDATED and not key:
            why_not = "no primary key or unique index finds its rows again"
        elif loss.kind is Kind.DELETED and await is_forced(self._connection, relation.oid):
            why_not = "row security is forced on it"
        if why_not is not None:
            kept.unwatched[relation.oid].add(why_not)
            return
        table = KeptTable(uuid.uuid4(), columns, key if loss.kind is Kind.UPDATED else ())
        await self._connection.execute(table.create(written=loss.kind is Kind.UPDATED))
        watched = capture.Watched(loss.kind, relation, table)
        for statement in capture.begin(watched):
            await self._connection.execute(statement)
        kept.watched.append(watched)
        kept.sets.append(KeptSet(loss.kind, relation, table))

    async def _settle(self, kept: _Round, before: Inventory, start: Inventory, after: Inventory) -> tuple[str, ...]:
        """After the last run: take the triggers away, count what is kept, and write down where it is."""
        if not kept.covered:
            return ()
        said: list[str] = []
        async with quietly(self._connection):
            kept.unkept += await unseen(self._connection, kept.watched, kept.unwatched, (before, start, after))
            for place, one in enumerate(kept.sets):
                said += await self._settle_one(place, one, kept)
        if kept.unkept and not self._policy.may_lose:
            raise self._refused(f"it would destroy what cannot be kept: {'; '.join(kept.unkept)}")
        return (*said, *(f"lost, as was consented to: {one}" for one in kept.unkept))

    async def _settle_one(self, place: int, one: KeptSet, kept: _Round) -> tuple[str, ...]:
        table, rows, size, checksum = one.table, 0, 0, "0"
        if one.kind is not Kind.SEQUENCE:
            rows, checksum = await table.counted(self._connection)
            size = await self._connection.fetchval("SELECT pg_total_relation_size($1::text::regclass)", table.name)
            if (rows == 0 and one.kind in _ROWS) or size > self._policy.most_bytes:
                await self._connection.execute(f"DROP TABLE {table.name}")
                if rows:
                    kept.unkept.append(f"{count_of(rows, 'row')} of {one.relation.said}: {size} bytes are too many")
                return ()
            if one.kind is Kind.TYPES:
                async with unforced(self._connection, one.relation.oid):
                    await self._note_written(one)
            await hide(self._connection, table.name)
        await write_down(self._connection, self._stamp, self._step, self._ordinal, place, one, (rows, size, checksum))
        return (f"kept {one.said(rows)}",)

    async def _note_written(self, one: KeptSet) -> None:
        """What the step has made of each value, so that nobody's later change is taken back with it."""
        table, now = one.table, {c.number: c for c in await columns_of(self._connection, one.relation.oid)}
        where = await self._connection.fetchval("SELECT $1::bigint::oid::regclass::text", one.relation.oid)
        written = ", ".join(
            f"n{at} = (t.{quote(now[column.number].name)})::text" for at, column in enumerate(table.columns, 1)
        )
        renamed = KeptTable(table.id, (), tuple(now[key.number] for key in table.keys))
        await self._connection.execute(
            f"UPDATE {table.name} AS kept SET {written} FROM {where} AS t WHERE {renamed.matched('t')}"
        )

    async def _position(self, sequence: str, column: str) -> dict[str, object]:
        row = await self._connection.fetchrow(f"SELECT last_value, is_called FROM {sequence}")
        assert row is not None
        return {"column": column, "value": row["last_value"], "called": row["is_called"]}

    async def _unmatched(self, relation: Relation, table: KeptTable) -> str | None:
        if not table.keys:
            return "no primary key or unique index finds its rows again"
        empty = " OR ".join(f"t.{quote(key.name)} IS NULL" for key in table.keys)
        count = await self._connection.fetchval(f"SELECT count(*) FROM {rows_of(relation)} AS t WHERE {empty}")
        return f"{count_of(count, 'row')} with nothing in the key" if count else None

    def _refused(self, why: str) -> StepFailed:
        failure = Failure(
            code=FailureCode.REFUSED,
            message=f"{self._step.name}: {why}",
            migration=self._step.name,
            direction=self._step.direction.value,
            file=self._step.body.file if self._step.body else None,
            hint="-- liftlock: allow DATA_LOSS reason in the file, or allowHazards in the request, lets it go",
            next_steps=(f'POST /migrations/{_ASKED[self._step.direction]} {{"allowHazards": ["DATA_LOSS"]}}',),
        )
        return StepFailed(failure if is_repeatable(self._step) else with_effects_elsewhere(failure), self._ordinal)
