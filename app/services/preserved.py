"""Preserved data: what is kept in the targets, and what goes when its time is over."""

import structlog

from app.domain.environment import Environment
from app.domain.errors import BackendUnavailable
from app.domain.preserved import PreservedSet, Retention
from app.ports import PreservedRows
from app.services.environments import Environments

MOST_LISTED = 1_000

log = structlog.get_logger()


class PreservedShelf:
    def __init__(self, environments: Environments, rows: PreservedRows, retention: Retention) -> None:
        self._environments = environments
        self._rows = rows
        self.retention = retention

    async def kept(self, environment: str) -> tuple[PreservedSet, ...]:
        """Newest first, at most MOST_LISTED. Raises NotFound or BackendUnavailable."""
        return await self._rows.kept(self._environments.named(environment), MOST_LISTED)

    async def purge(self) -> int:
        """In every environment; how many sets. A target that is away is looked at next time."""
        return sum([await self._purge(environment) for environment in self._environments.every_target()])

    async def _purge(self, environment: Environment) -> int:
        try:
            return await self._rows.purge(environment, self.retention)
        except BackendUnavailable as error:
            log.warning("preserved.not_purged", environment=environment.name, why=error.detail)
            return 0
