"""What of the tables in a target a plan really takes: each set that the keeper would make, and why it could not.

The reasons are the keeper's own (docs/undo.md): keys that are not there, tables that it cannot watch, no transaction.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from app.domain.casts import Cast, cast_between, fails_or_keeps, is_another_day, makes_anew, read_type, type_of
from app.domain.hazards import FoundBy
from app.domain.holdings import Holder, Holding, Holdings, Reached, Via
from app.domain.preserved import PreservedKind as Kind
from app.domain.removals import Act, Noun, Removal
from app.domain.words import words_of

ROWS = frozenset({Kind.DELETED, Kind.UPDATED})
VALUES = frozenset({Kind.COLUMNS, Kind.TYPES})
FOUND_BY_KEY = frozenset({Kind.COLUMNS, Kind.TYPES, Kind.UPDATED})
MOST_OVERWRITTEN = 500
"""Columns: a table may have 1,600, and each is there as it was, as the step has written it, and whether that stands."""
TOO_WIDE = f"it has more than {MOST_OVERWRITTEN} columns"


@dataclass(frozen=True, slots=True)
class Loss:
    """One set: what the statements of one migration take from one table in one way. `removal`: the first of them.

    `every`: there is no condition on the rows. `key`: the columns by which its rows are found again.
    """

    removal: Removal
    kind: Kind
    holding: Holding
    columns: tuple[str, ...]
    every: bool
    via: Via

    @property
    def key(self) -> tuple[str, ...]:
        return self.holding.key(frozenset(self.columns) if self.kind in VALUES else frozenset())

    @property
    def why_not(self) -> str | None:
        """Why nothing of it can be kept, whatever its size."""
        if self.removal.apart:
            return "nothing is kept outside a transaction"
        if self.holding.holder is Holder.FOREIGN:
            return "rows of a foreign table are not kept"
        if self.kind in ROWS and (why := self._unwatched) is not None:
            return why
        if self.kind in FOUND_BY_KEY and not self.key:
            return "no primary key or unique index finds its rows again"
        if self.kind is Kind.UPDATED and sum(not one.generated for one in self.holding.columns) > MOST_OVERWRITTEN:
            return TOO_WIDE
        if self.kind is Kind.UPDATED and set(self.key) & set(self.columns):
            return "the key by which its rows are found again is overwritten"
        return None

    @property
    def _unwatched(self) -> str | None:
        """Why no trigger sees the rows go."""
        if self.holding.holder is Holder.PARENT:
            return "other tables inherit from it"
        if self.via is Via.PARENT and self.removal.taken.act is not Act.TRUNCATED:
            return "they are written through the table that it inherits from"
        if self.kind is Kind.DELETED and self.holding.forced:
            return "row security is forced on it"
        return None


def losses_of(removals: Sequence[Removal], holdings: Holdings) -> tuple[Loss, ...]:
    """`holdings`: of just these `removals`. What goes with its whole table is not said again."""
    found: dict[tuple[str, Kind, str], Loss] = {}
    for reached in holdings.reached:
        holding = holdings.tables.get(reached.table)
        if holding is not None:
            for loss in _losses(removals[reached.removal], reached, holding):
                place = (loss.removal.migration, loss.kind, reached.table)
                found[place] = _together(found[place], loss) if place in found else loss
    _leave_retyped(found)
    whole = {(one.removal.migration, one.holding.name) for one in found.values() if one.kind is Kind.TABLE}
    return tuple(
        one
        for one in found.values()
        if one.kind is Kind.TABLE or (one.removal.migration, one.holding.name) not in whole
    )


def _leave_retyped(found: dict[tuple[str, Kind, str], Loss]) -> None:
    """A column that has another type by then does not go with its old one."""
    for place, loss in list(found.items()):
        migration, kind, table = place
        other = found.get((migration, Kind.TYPES, table))
        if kind is Kind.COLUMNS and loss.removal.taken.noun is Noun.TYPE and other is not None:
            left = tuple(name for name in loss.columns if name not in other.columns)
            if left:
                found[place] = replace(loss, columns=left)
            else:
                del found[place]


def _losses(removal: Removal, reached: Reached, holding: Holding) -> Iterator[Loss]:
    kind = reached.kind
    if kind is Kind.SEQUENCE and removal.apart:
        return
    if kind not in (Kind.TABLE, Kind.SEQUENCE) and holding.rows == 0:
        return
    every = removal.taken.every_row and not (kind in ROWS and reached.via is Via.REFERENCE)
    loss = Loss(removal, kind, holding, (), every, reached.via)
    if kind not in FOUND_BY_KEY:
        yield loss
        return
    standing = tuple(name for name in reached.columns if (one := holding.column(name)) and not one.generated)
    if kind is Kind.TYPES and removal.found_by is FoundBy.FILE:
        lost = tuple(name for name in standing if _makes_another(removal, holding, name))
        if lost:
            yield replace(loss, columns=lost)
    elif standing or not reached.columns:
        # columns that are not there are the plan's own
        yield replace(loss, columns=standing)


def _makes_another(removal: Removal, holding: Holding, name: str) -> bool:
    column = holding.column(name)
    assert column is not None
    if removal.taken.made:
        # another type, also where it has taken over the name of the old one
        return True
    words = words_of(removal.taken.type)
    old, new = type_of(column.type), read_type(words)
    if makes_anew(words, name) or is_another_day(old, new):
        return True
    return not fails_or_keeps(old, new) and cast_between(old, new) in (Cast.NARROWED, Cast.UNKNOWN)


def _together(one: Loss, other: Loss) -> Loss:
    """Of one table the keeper has one set, whichever statements take from it."""
    columns = tuple(dict.fromkeys((*one.columns, *other.columns)))
    via = one.via if one.via is other.via else Via.ITSELF
    return replace(one, columns=columns, every=one.every or other.every, via=via)
