"""SchemaValidationService: holds the files against each other and against what a target has applied."""

from dataclasses import dataclass

from app.domain import divergence, graph
from app.domain.divergence import Divergence
from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.ledger import History
from app.domain.migration import Catalog
from app.ports import Source, Targets, TargetView
from app.services.conflict import ConflictResolutionService


@dataclass(frozen=True, slots=True)
class Examination:
    """What a request finds before anything is queued. `unreachable` says why there is no `view`."""

    catalog: Catalog
    view: TargetView | None
    divergences: tuple[Divergence, ...]
    unreachable: BackendUnavailable | None = None


class SchemaValidationService:
    def __init__(self, source: Source, targets: Targets, conflicts: ConflictResolutionService) -> None:
        self._source = source
        self._targets = targets
        self._conflicts = conflicts
        self._recorded: dict[str, tuple[Divergence, ...]] = {}

    async def examine(self, environment: Environment) -> Examination:
        """Read files and ledger, find where they disagree, and put that on record. Changes no target."""
        catalog = await self._source.read()
        view, unreachable = await self._view(environment)
        found = self._diverging(catalog, view.history if view else None, environment)
        await self._record(environment.name, found)
        return Examination(catalog, view, found, unreachable)

    async def _view(self, environment: Environment) -> tuple[TargetView | None, BackendUnavailable | None]:
        try:
            return await self._targets.read(environment), None
        except BackendUnavailable as error:
            return None, error

    def _diverging(self, catalog: Catalog, history: History | None, environment: Environment) -> tuple[Divergence, ...]:
        of_files = divergence.of_files(catalog.migrations)
        if history is None:
            return of_files
        ordered = graph.in_order(catalog.migrations)
        # a broken file is not a missing one: its name is not known
        of_history = divergence.of_history(ordered, history, environment.out_of_order)
        if catalog.problems:
            of_history = tuple(one for one in of_history if one.kind != "missing_file")
        return (*of_files, *of_history)

    async def _record(self, environment: str, found: tuple[Divergence, ...]) -> None:
        """Only when it differs from what this process has recorded last: asking often costs nothing."""
        if self._recorded.get(environment) == found:
            return
        await self._conflicts.record_divergences(environment, found)
        self._recorded[environment] = found
