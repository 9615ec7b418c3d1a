"""Keeps what a step would destroy, in its own transaction.

The procedure: look what stands; run the step after a savepoint; look again. Where nothing is gone, go on. Else go
back to the savepoint, keep what would be gone — copies of columns and tables, large tables themselves (`moving`), and
triggers for rows that statements delete or overwrite — and run it for good, until a run destroys nothing that is not
kept. What a script's own statements write is known before the first run.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import asyncpg

from app import failpoints
from app.adapters.target.preserve import capture
from app.adapters.target.preserve.deferred import let_triggers_act
from app.adapters.target.preserve.inventory import Inventory, Loss, losses, made_anew, without_plain_casts
from app.adapters.target.preserve.keeping import NO_KEY, ROWS, Keeping, KeepPolicy, Round
from app.adapters.target.preserve.kept_rows import hide, mark_origin, quietly, unforced
from app.adapters.target.preserve.living_on import mark_living
from app.adapters.target.preserve.moving import Changed, Moves
from app.adapters.target.preserve.positions import Positions
from app.adapters.target.preserve.sets import KeptSet, columns_said, write_down
from app.adapters.target.preserve.taking import take_inventory
from app.adapters.target.preserve.unseen import unseen
from app.adapters.target.preserve.written import has_same_rows, is_only_cast, key_is_another, note_again, note_written
from app.adapters.target.records import Stamp
from app.domain.allowances import allowance
from app.domain.failure import Failure, FailureCode, with_effects_elsewhere
from app.domain.hazards import HazardCode
from app.domain.losses import is_repeatable, only_casts, rows_written
from app.domain.migration import Direction
from app.domain.preserved import PreservedKind as Kind
from app.domain.signals import StepFailed
from app.domain.step import Step, count_of

RUNS = 5
_BACK = "ROLLBACK TO SAVEPOINT liftlock_keep; RELEASE SAVEPOINT liftlock_keep"
_ONCE = "the file says that it is not repeatable, so nothing could be kept before"
_ASKED = {Direction.UP: "run", Direction.DOWN: "rollback"}
_BY_VERB = {
    "UPDATE": (Kind.UPDATED,),
    "DELETE": (Kind.DELETED,),
    "TRUNCATE": (Kind.DELETED,),
    "MERGE": (Kind.UPDATED, Kind.DELETED),
}


class Preserver:
    def __init__(
        self, connection: asyncpg.Connection, stamp: Stamp, ordinal: int, step: Step, policy: KeepPolicy
    ) -> None:
        self._connection = connection
        self._stamp = stamp
        self._ordinal = ordinal
        self._step = step
        self._policy = policy
        self._moves = Moves(connection, step)
        self._positions = Positions(connection, step)
        self._keeping = Keeping(connection, policy, self._moves)

    async def run(self, body: Callable[[], Awaitable[None]]) -> tuple[str, ...]:
        """Run `body`, as often as it takes; what was kept, in words. Raises StepFailed, and what `body` raises."""
        before = await take_inventory(self._connection)
        wanted = self._foreseen(before)
        await self._moves.look()
        await self._positions.look(before)
        for _ in range(RUNS):
            await self._connection.execute("SAVEPOINT liftlock_keep")
            try:
                missing, said = await self._once(body, before, wanted)
            except (StepFailed, asyncpg.PostgresError, Changed) as error:
                if not self._moves.may_fall_back(error):
                    raise
                await self._connection.execute(_BACK)
                continue
            if not missing:
                await self._connection.execute("RELEASE SAVEPOINT liftlock_keep")
                return said
            await self._moves.consider(missing)
            await self._connection.execute(_BACK)
            await self._positions.again()
            wanted |= missing
        raise self._refused("it destroys something else each time it is run, so that it cannot be kept")

    async def _once(
        self, body: Callable[[], Awaitable[None]], before: Inventory, wanted: set[Loss]
    ) -> tuple[set[Loss], tuple[str, ...]]:
        """One run: what it has destroyed that was not kept; or nothing, and what was kept in words."""
        self._moves.begin()
        now = await self._keeping.keep(before, wanted)
        start = await take_inventory(self._connection, before) if wanted else before
        await body()
        await let_triggers_act(self._connection)
        await self._moves.finish()
        after = await take_inventory(self._connection, before)
        lost = losses(replace(start, relations=before.relations), after) | await self._overwritten(now, start)
        if only_casts(self._step):
            lost = without_plain_casts(lost, before, after)
        elif is_repeatable(self._step):
            lost = made_anew(before, after, lost)
        missing = self._with_roots(before, lost) - now.covered
        if not is_repeatable(self._step):
            self._let_go(now, before, missing)
            missing = set()
        if missing:
            await self._positions.note(after)
            return missing, ()
        now.sets += await self._positions.kept(before, after)
        return missing, (*await self._settle(now, before, start, after), *self._positions.notices)

    async def _overwritten(self, kept: Round, start: Inventory) -> frozenset[Loss]:
        """What the server has forgotten, since the table was truncated afterwards."""
        found = set[Loss]()
        for one in (one for one in kept.watched if one.kind is Kind.DELETED):
            counted = await capture.forgotten(self._connection, one)
            if counted.updated > start.written.get(one.relation.oid, (0, 0))[0]:
                found.add(Loss(Kind.UPDATED, one.relation.oid))
        return frozenset(found)

    def _let_go(self, kept: Round, before: Inventory, missing: set[Loss]) -> None:
        """What a script that runs once has destroyed: nobody knew of it, and nobody can go back for it."""
        kept.covered |= missing
        for loss in sorted(missing, key=lambda one: (one.relation, one.kind)):
            relation = before.relations[loss.relation]
            if loss.kind in ROWS:
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
            if loss.kind in ROWS:
                root = before.relations[loss.relation].partition_of
                while root is not None:
                    found.add(Loss(loss.kind, root))
                    root = before.relations[root].partition_of
        return found

    async def _settle(self, kept: Round, before: Inventory, start: Inventory, after: Inventory) -> tuple[str, ...]:
        """After the last run: take the triggers away, count what is kept, and write down where it is."""
        if not kept.covered and not kept.sets:
            return ()
        said: list[str] = []
        async with quietly(self._connection):
            kept.unkept += await unseen(self._connection, kept.watched, kept.unwatched, (before, start, after))
            await self._join_parts(kept, before, after)
            await self._complete(kept, before, after)
            kept.sets = [some for one in kept.sets for some in await self._with_something(one, before, after)]
            for place, one in enumerate(kept.sets):
                said += await self._settle_one(place, one, kept)
        if kept.unkept and not self._policy.may_lose:
            raise self._refused(f"it would destroy what cannot be kept: {'; '.join(kept.unkept)}")
        failpoints.reach("keep.recorded", self._connection)
        return (*said, *(f"lost, as was consented to: {one}" for one in kept.unkept))

    async def _join_parts(self, kept: Round, before: Inventory, after: Inventory) -> None:
        """A row that is overwritten in its partition and through the whole has one order of what it held."""
        sets = {one.relation.oid: one for one in kept.sets if one.kind is Kind.UPDATED}
        for oid, one in sets.items():
            root = sets.get(before.root_of(oid))
            if root is None or root is one or oid not in after.relations or after.root_of(oid) != root.relation.oid:
                continue
            if await self._has_rows(one) and await self._has_rows(root):
                await self._connection.execute(f"{root.table.taken_from(one.table)}; TRUNCATE {one.table.name}")

    async def _has_rows(self, one: KeptSet) -> bool:
        return bool(await self._connection.fetchval(f"SELECT EXISTS (SELECT FROM {one.table.name})"))

    async def _complete(self, kept: Round, before: Inventory, after: Inventory) -> None:
        """Rows that were deleted or overwritten have of such columns what stood there before the step."""
        for one in (one for one in kept.sets if one.kind in ROWS):
            for values in kept.values_of(one.relation):
                await self._connection.execute(one.table.completed_from(values.table))
            if one.kind is Kind.UPDATED:
                async with unforced(self._connection, one.relation.oid):
                    await note_again(self._connection, one, before, after)

    async def _with_something(self, one: KeptSet, before: Inventory, after: Inventory) -> list[KeptSet]:
        """The set; where no row was written, what may be left of it: the positions that a truncation restarts."""
        if one.kind not in ROWS or await self._has_rows(one):
            return [one]
        await self._connection.execute(f"DROP TABLE {one.table.name}")
        return await self._positions.restarted(one, before, after)

    async def _settle_one(self, place: int, one: KeptSet, kept: Round) -> tuple[str, ...]:
        table, rows, size, checksum = one.table, 0, 0, "0"
        if one.kind is not Kind.SEQUENCE:
            if one.kind is Kind.TABLE:
                await mark_living(self._connection, one.relation, table)
            rows, checksum = await table.counted(self._connection)
            size = await self._connection.fetchval("SELECT pg_total_relation_size($1::text::regclass)", table.name)
            if one.kind is Kind.TYPES and not await self._note_what_is_lost(one, kept):
                await self._connection.execute(f"DROP TABLE {table.name}")
                return ()
            if size > self._policy.most_bytes:
                await self._connection.execute(f"DROP TABLE {table.name}")
                if rows:
                    kept.unkept.append(f"{count_of(rows, 'row')} of {one.relation.said}: {size} bytes are too many")
                return ()
            await hide(self._connection, table.name)
            await mark_origin(self._connection, table.name)
        await write_down(self._connection, self._stamp, self._step, self._ordinal, place, one, (rows, size, checksum))
        return (f"kept {one.said(rows)}",)

    async def _note_what_is_lost(self, one: KeptSet, kept: Round) -> bool:
        """What the step has made of it; False where it is nothing else, or nobody can find it again, which is said."""
        async with unforced(self._connection, one.relation.oid):
            if one.table.keys:
                await note_written(self._connection, one)
            return not one.perhaps or await self._is_lost(one, kept)

    async def _is_lost(self, one: KeptSet, kept: Round) -> bool:
        lost = columns_said([column for column in one.table.columns if column.number in one.numbers])
        if not one.table.keys:
            if not await has_same_rows(self._connection, one):
                kept.unkept.append(f"{lost} of {one.relation.said}: {NO_KEY}")
            return False
        if await key_is_another(self._connection, one):
            kept.unkept.append(f"{lost} of {one.relation.said}: its key is made anew")
            return False
        return not await is_only_cast(self._connection, one)

    def _refused(self, why: str) -> StepFailed:
        file = self._step.body.file if self._step.body else None
        line = allowance(HazardCode.DATA_LOSS, file or "")
        failure = Failure(
            code=FailureCode.REFUSED,
            message=f"{self._step.name}: {why}",
            migration=self._step.name,
            direction=self._step.direction.value,
            file=file,
            hint=f"{line} in the file, or allowHazards in the request, lets it go",
            next_steps=(f'POST /migrations/{_ASKED[self._step.direction]} {{"allowHazards": ["DATA_LOSS"]}}',),
        )
        return StepFailed(failure if is_repeatable(self._step) else with_effects_elsewhere(failure), self._ordinal)
