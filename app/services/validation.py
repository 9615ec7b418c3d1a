"""SchemaValidationService: holds the files against each other and against what a target has applied."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.domain import divergence, graph
from app.domain.conflict import ConflictKind
from app.domain.divergence import Divergence
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.migration import Catalog, Migration
from app.ports import Source, Targets, TargetView
from app.services.conflict import OF_PENDING, ConflictResolutionService
from app.services.gate import HazardGate


@dataclass(frozen=True, slots=True)
class Examination:
    """What a request finds before anything is queued. `unreachable` says why there is no `view`."""

    catalog: Catalog
    view: TargetView | None
    divergences: tuple[Divergence, ...]
    unreachable: BackendUnavailable | None = None

    @property
    def is_whole(self) -> bool:
        """Whether everything was looked at: what a file that cannot be read defines nobody knows."""
        return self.view is not None and not self.catalog.problems


Examine = Callable[[Environment], Awaitable[Examination]]


class SchemaValidationService:
    def __init__(
        self, source: Source, targets: Targets, conflicts: ConflictResolutionService, gate: HazardGate
    ) -> None:
        self._gate = gate
        self._looked_at: Catalog | None = None
        self._linted: Catalog | None = None
        self._source = source
        self._targets = targets
        self._conflicts = conflicts

    async def look(self, environment: Environment) -> Examination:
        """Read files and ledger and find where they disagree. Writes nothing anywhere."""
        catalog, (view, unreachable) = await asyncio.gather(self.files(), self._view(environment))
        return Examination(catalog, view, diverging(catalog, view, environment), unreachable)

    async def look_at_target(self, catalog: Catalog, environment: Environment) -> Examination:
        """As `look`, with the files as they have been read."""
        view, unreachable = await self._view(environment)
        return Examination(catalog, view, diverging(catalog, view, environment), unreachable)

    async def look_at_files(self, catalog: Catalog, environment: Environment) -> Examination:
        """As `look`, without asking the target."""
        return Examination(catalog, None, diverging(catalog, None, environment))

    async def files(self) -> Catalog:
        return await self._source.read()

    async def read_ahead(self) -> None:
        """Read the files that have changed, and look for their hazards; whoever asks next finds it done."""
        catalog = await self._source.read()
        if catalog is not self._looked_at:
            self._looked_at = catalog
            await self._gate.examine_ahead(catalog)

    async def lint_ahead(self) -> None:
        """Have the files linted that have changed, so that a plan need not wait for it."""
        catalog = await self._source.read()
        if catalog is not self._linted:
            # noted before: what cannot be linted now is not tried again every few seconds
            self._linted = catalog
            await self._gate.lint_ahead(catalog)

    async def migration(self, name: str) -> Migration | None:
        """As its file defines it now; None where none does."""
        return (await self._source.read()).by_name().get(name)

    async def record(self, environment: str, found: Examination) -> None:
        """Put on record what disagrees, and close what no longer does where that was seen."""
        await self._conflicts.record_divergences(environment, found.divergences)
        if found.is_whole:
            await self._conflicts.close_gone(environment, found.divergences)

    async def after_a_job(self, environment: Environment) -> None:
        """What was only about waiting files is closed at once, and not when somebody next asks."""
        found = await self.look(environment)
        if found.is_whole:
            await self._conflicts.close_gone(environment.name, found.divergences, OF_PENDING)

    async def _view(self, environment: Environment) -> tuple[TargetView | None, BackendUnavailable | None]:
        try:
            return await self._targets.read(environment), None
        except BackendUnavailable as error:
            return None, error


def diverging(catalog: Catalog, view: TargetView | None, environment: Environment) -> tuple[Divergence, ...]:
    """What files and ledger disagree about; of the files alone where there is no view."""
    of_files = divergence.of_files(catalog)
    if view is None:
        return of_files
    of_history = divergence.of_history(graph.arrange(catalog).ordered, view.history, environment.out_of_order)
    if catalog.problems:
        # a broken file is not a missing one: its name is not known
        of_history = tuple(one for one in of_history if one.kind is not ConflictKind.MISSING_FILE)
    return (*of_files, *of_history)
