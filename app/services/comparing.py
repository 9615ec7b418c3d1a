"""Holds two environments against each other: their ledgers, and the schemas that they have led to."""

import asyncio

from app.domain.axes import SyncState
from app.domain.comparison import (
    NOT_COMPARED,
    Comparison,
    LedgerComparison,
    SchemaComparison,
    compare_ledgers,
    compare_schemas,
    unread_ledgers,
    unread_schemas,
)
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.schema import Snapshot
from app.ports import Schemas, TargetView
from app.services.looks import Look
from app.services.overview import Overview

LONGEST_S = 15.0
"""A schema of ten thousand tables takes a second or two; and whoever asked is waiting."""


class Comparer:
    def __init__(self, overview: Overview, schemas: Schemas, longest_s: float = LONGEST_S) -> None:
        self._overview = overview
        self._schemas = schemas
        self._longest_s = longest_s

    async def compare(self, source: Environment, target: Environment, *, strict: bool) -> Comparison:
        """Raises nothing for a target that cannot be read: the comparison says so."""
        looks = await asyncio.gather(self._overview.ledger(source), self._overview.ledger(target))
        schema = await self._schemas_of((source, looks[0]), (target, looks[1]), strict=strict)
        return Comparison(source.name, target.name, _ledgers(*looks), schema, strict)

    async def compare_quickly(self, source: Environment, target: Environment) -> Comparison:
        """As `compare`; schemas are read only where the ledgers agree, for where they do not it is known already."""
        looks = await asyncio.gather(self._overview.ledger(source), self._overview.ledger(target))
        ledgers = _ledgers(*looks)
        if ledgers.verdict is not SyncState.IN_SYNC:
            return Comparison(source.name, target.name, ledgers, NOT_COMPARED)
        schemas = await self._schemas_of((source, looks[0]), (target, looks[1]), strict=False)
        return Comparison(source.name, target.name, ledgers, schemas)

    async def _schemas_of(
        self, source: tuple[Environment, Look], target: tuple[Environment, Look], *, strict: bool
    ) -> SchemaComparison:
        if source[0].scope != target[0].scope:
            return unread_schemas([_of_other_names(source[0], target[0])])
        found = await asyncio.gather(self._snapshot(*source), self._snapshot(*target))
        reasons = [one for one in found if isinstance(one, str)]
        snapshots = [one if strict else one.comparable() for one in found if isinstance(one, Snapshot)]
        if reasons:
            return unread_schemas(reasons)
        # the loop belongs to every request of this process, and large schemas take a while
        return await asyncio.to_thread(compare_schemas, *snapshots)

    async def _snapshot(self, environment: Environment, look: Look) -> Snapshot | str:
        """Or why there is none; who has not shown its ledger is not asked again."""
        if isinstance(look, BackendUnavailable):
            return look.detail
        try:
            async with asyncio.timeout(self._longest_s):
                return await self._schemas.read(environment)
        except BackendUnavailable as error:
            return error.detail
        except TimeoutError:
            return f"the schema of {environment.name} could not be read within {self._longest_s:g} s"


def _of_other_names(source: Environment, target: Environment) -> str:
    """Objects are known by their schema and name, and bodies of functions may name either."""
    (there, here) = (f"the schema {one.scope}" if one.scope else "a whole database" for one in (source, target))
    return f"{target.name} is {here} and {source.name} {there}, where the same objects have other names"


def _ledgers(source: Look, target: Look) -> LedgerComparison:
    if isinstance(source, TargetView) and isinstance(target, TargetView):
        return compare_ledgers(source.history, target.history)
    return unread_ledgers([one.detail for one in (source, target) if isinstance(one, BackendUnavailable)])
