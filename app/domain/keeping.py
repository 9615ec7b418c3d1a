"""What would be kept of that which a plan takes away, about how large and slow that is, and what is lost for good.

It is told beforehand, from estimates, what the keeper will find while the step runs; the keeper looks again.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from app.domain.estimate import SCAN_MB_S, Estimate, at_rate, size_said
from app.domain.holdings import Holdings
from app.domain.losing import FOUND_BY_KEY, ROWS, Loss, losses_of
from app.domain.losses import drops_of, rows_written
from app.domain.preserved import PreservedKind as Kind
from app.domain.removals import LARGE_OBJECTS, Act, Removal
from app.domain.step import Step, count_of
from app.domain.words import shown

COPY_MB_S = 50
"""A copy with its checksum: a half of what `python -m bench preserve` measures on two busy cores."""
LEAST_MOVED_BYTES = 8 * 1024 * 1024
"""Below that a copy takes less time than the two looks at the whole catalog that moving takes."""
WATCH_MB_S = 40
"""Rows that triggers keep as they go; likewise."""
_NOTHING = Estimate(0, "nothing of it is kept")
ROW_BYTES = 44
"""What a kept row takes beside its values: header, line pointer, and places that say nothing."""


@dataclass(frozen=True, slots=True)
class Keep:
    """One set as it would be kept, or not: `why_not`. `table` with its schema; `columns` those that go or change.

    `rows` and `bytes`: estimated, of what is kept or lost; with `at_most` it may be less, since a condition says which.
    `estimate`: of keeping it. `moved`: the table itself is what is kept, no copy of it.
    """

    removal: Removal
    kind: Kind
    table: str
    columns: tuple[str, ...]
    rows: int | None
    bytes: int | None
    at_most: bool
    estimate: Estimate
    why_not: str | None = None
    moved: bool = False

    @property
    def said(self) -> str:
        """`note of notes (about 3 rows, 8.2 kB)`."""
        known = [] if self.rows is None else [count_of(self.rows, "row")]
        known += [] if self.bytes is None else [size_said(self.bytes)]
        size = f" ({'at most' if self.at_most else 'about'} {', '.join(known)})" if known else ""
        return f"{self.what}{size}"

    @property
    def says(self) -> str:
        """A sentence of it."""
        if self.why_not is not None:
            return f"loses {self.said}: {self.why_not}"
        return f"keeps {self.said}{', moved and not copied' if self.moved else ''}"

    @property
    def what(self) -> str:
        table = shown(self.table)
        match self.kind:
            case Kind.TABLE:
                return f"the table {table}"
            case Kind.SEQUENCE:
                return f"the position of the sequence {table}"
            case Kind.COLUMNS | Kind.TYPES:
                return f"{', '.join(self.columns)} of {table}"
            case Kind.DELETED:
                return table if table == LARGE_OBJECTS else f"deleted rows of {table}"
            case Kind.UPDATED:
                return f"overwritten rows of {table}"


@dataclass(frozen=True, slots=True)
class Keeping:
    """Of a whole plan. `twice`: migrations that are run a second time, since their first run shows what goes."""

    keeps: tuple[Keep, ...] = ()
    twice: frozenset[str] = frozenset()

    def of(self, migration: str) -> tuple[Keep, ...]:
        return tuple(one for one in self.keeps if one.removal.migration == migration)


def keeping_of(steps: Sequence[Step], removals: Sequence[Removal], holdings: Holdings, most_bytes: int) -> Keeping:
    """`holdings`: of just these `removals`. `most_bytes`: of one set, LIFTLOCK_PRESERVE_MAX_MB."""
    losses = losses_of(removals, holdings)
    moved = frozenset(_moved(steps, losses))
    keeps = [one for loss in losses for one in _keeps(loss, most_bytes, moved)]
    keeps += [_unlinked(one) for one in removals if one.taken.act is Act.UNLINKED]
    order = {step.name: at for at, step in enumerate(steps)}
    keeps.sort(key=lambda one: (order.get(one.removal.migration, 0), one.removal.statement or 0))
    return Keeping(tuple(keeps), frozenset(_twice(steps, losses)))


def _moved(steps: Sequence[Step], losses: Sequence[Loss]) -> Iterator[Loss]:
    """Large tables that a script which does nothing else drops by their names."""
    drops = {step.name: drops_of(step) for step in steps}
    for loss in losses:
        one, named = loss.holding, drops.get(loss.removal.migration)
        worth_it = loss.kind is Kind.TABLE and one.movable and (one.bytes or 0) >= LEAST_MOVED_BYTES
        if worth_it and named is not None and named.name(one.name) and not named.parts_too:
            yield loss


def _keeps(loss: Loss, most_bytes: int, every_moved: Collection[Loss]) -> Iterator[Keep]:
    holding, size = loss.holding, _size(loss)
    why_not = loss.why_not or (_too_large(size, most_bytes) if loss.every else None)
    moved = why_not is None and loss in every_moved
    keep = Keep(
        removal=loss.removal,
        kind=loss.kind,
        table=holding.name,
        columns=loss.columns,
        rows=None if loss.kind is Kind.SEQUENCE else holding.rows,
        bytes=size,
        at_most=not loss.every,
        estimate=_NOTHING if why_not else _reading(loss) if moved else _estimate(loss, size),
        why_not=why_not,
        moved=moved,
    )
    yield keep
    nameless = 0 if why_not else _without_key(loss)
    if nameless:
        yield replace(keep, rows=nameless, bytes=None, estimate=_NOTHING, why_not="there is nothing in their key")


def _unlinked(removal: Removal) -> Keep:
    return Keep(removal, Kind.DELETED, LARGE_OBJECTS, (), None, None, False, _NOTHING, "no large object is kept")


def _too_large(size: int | None, most_bytes: int) -> str | None:
    if size is None or size <= most_bytes:
        return None
    return f"that is more than the {size_said(most_bytes)} that are kept at most (LIFTLOCK_PRESERVE_MAX_MB)"


def _without_key(loss: Loss) -> int:
    """About how many rows have nothing in the key that would find them again."""
    if loss.kind not in FOUND_BY_KEY or not loss.every:
        return 0
    shares = [column.empty or 0.0 for name in loss.key if (column := loss.holding.column(name))]
    return round((loss.holding.rows or 0) * max(shares, default=0.0))


def _size(loss: Loss) -> int | None:
    """Bytes of the kept set: as the table where whole rows are kept, else by the widths that ANALYZE has found."""
    holding = loss.holding
    if loss.kind is Kind.SEQUENCE:
        return None
    if loss.kind in (Kind.TABLE, Kind.DELETED) or holding.bytes is None:
        return holding.bytes
    if loss.kind is Kind.UPDATED:
        # old and new values stand side by side
        return 2 * holding.bytes
    columns = [column for name in (*loss.key, *loss.columns) if (column := holding.column(name))]
    widths = [column.width_bytes for column in columns if column.width_bytes is not None]
    if holding.rows is None or len(widths) < len(columns):
        return holding.bytes
    # what a step makes of a value is noted beside it, which writes the row again
    return round(holding.rows * (ROW_BYTES + sum(widths)) * (2 if loss.kind is Kind.TYPES else 1))


def _reading(loss: Loss) -> Estimate:
    """A table that is moved is read once, for count and checksum."""
    return at_rate(loss.holding.bytes or 0, SCAN_MB_S, f"{shown(loss.holding.name)} is moved, not copied, and read")


def _estimate(loss: Loss, size: int | None) -> Estimate:
    table, holding = shown(loss.holding.name), loss.holding
    if loss.kind is Kind.SEQUENCE:
        return Estimate(0, "a position is one number")
    if size is None or holding.bytes is None:
        return Estimate(None, f"the size of {table} cannot be seen while somebody holds it")
    if loss.kind in ROWS:
        return at_rate(size, WATCH_MB_S, f"triggers keep rows of {table}")
    copied = at_rate(size, COPY_MB_S, f"{table} is copied" if loss.kind is Kind.TABLE else "key and value are copied")
    if loss.kind is Kind.TABLE or copied.ms is None:
        return copied
    read = at_rate(holding.bytes, SCAN_MB_S, f"{table} is read")
    return Estimate(copied.ms + (read.ms or 0), f"{copied.basis}; {read.basis}")


def _twice(steps: Sequence[Step], losses: Sequence[Loss]) -> Iterator[str]:
    """Only tables whose rows the script's own statements write are known before its first run."""
    named = {step.name: {name for name, _ in rows_written(step)} for step in steps}
    for loss in losses:
        migration = loss.removal.migration
        foreseen = loss.kind in ROWS and loss.holding.name in named.get(migration, ())
        if not loss.removal.apart and not foreseen:
            yield migration
